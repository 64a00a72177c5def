// Package ledger is the truth about accounts, schedules, runs and jobs: the
// laws of package syncjob as guarded SQL.
//
// Messages only wake; these tables decide. Every function here may be called
// by any number of processes at once, in any order, any number of times, and
// the tables converge. What makes that so:
//
//   - One clock. clock_timestamp() of the database alone decides leases, due
//     times and deadlines.
//   - One lock order: account or market, run, job, scope, rows; several of a
//     kind in key order. Subjects and runs are locked FOR NO KEY UPDATE,
//     because a plain FOR UPDATE deadlocks with the foreign keys of rows that
//     are being inserted.
//   - One fence. A claim is a fresh UUID. Every heartbeat, release and outcome
//     compares it together with status = 'running', so that an attempt that was
//     taken over can change nothing.
//   - Guarded transitions. Each UPDATE names the state it expects; zero rows is
//     an answer, not an error. A terminal row never changes again.
//
// If a process dies between any two statements of this package, the sweeps
// bring the rows on: a lease that ended is taken back, a message that the
// broker forgot is published again, a run whose jobs are terminal is folded, an
// announcement that was not made is made. docs/protocol.md has the rules by
// number.
package ledger
