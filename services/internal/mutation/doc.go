// Command mutation shows that every guard of the protocol and of the design has
// a test that fails without it:
//
//	go run ./services/internal/mutation                 # all of them; writes docs/mutations.md
//	go run ./services/internal/mutation --only 'fence-*' # some, by name
//	go run ./services/internal/mutation --list
//
// It works on a copy of the working tree. There it takes the guards of
// guard/list away, one at a time, and runs the tests that each of them names:
// all of these must fail. First they run once with every guard in place, and must
// pass. A guard whose code has changed since it was listed is stale, which counts
// as a failure, and so does one without which the code no longer compiles: a
// compiler that objects has proved nothing about the tests.
package main
