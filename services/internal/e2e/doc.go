// Package e2e holds the tests of the whole walk: a fleet of real parts against
// the stand-in exchange. It has no code of its own.
package e2e
