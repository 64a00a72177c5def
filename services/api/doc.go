// Package api is the process that people and programs talk to: accounts, runs
// and status over Connect (alphapulse/control/v1), on the tables alone.
//
// # Guarantees
//
//   - A call never talks to an exchange. What needs one (a probe, a sync) is a
//     run that workers do; its id comes back at once.
//   - Keys are sealed with the vault's public key before they reach a table,
//     and this process cannot open what it sealed. No key is logged or repeated
//     in an error.
//   - A caller does what its token's scopes allow (scopes.go); the token of the
//     setting and, without one, callers on this machine may do everything.
//   - Every change, and every one refused for its scope, is in the audit log,
//     without secrets; one that cannot be noted there is not made.
//   - Without a token of the setting the server listens on loopback only, answers only
//     requests that name a loopback host, and refuses pages of other origins,
//     so that a web page cannot reach it through the browser of its user.
//   - Every error of this package carries a Problem: a class and a reason for
//     programs, whether the same call may succeed later, and the next step for
//     people.
//   - Everything is bounded: bodies, durations of calls, pages, and the number
//     of runs that are watched at once.
//
// If the process dies in the middle of a call, what the call changed is either
// stored as a whole or not at all; calling again is safe for all calls, does
// nothing a second time under the same Idempotency-Key, and for StartSync joins the run that the first call made, as long as nothing of it
// was read before.
package api
