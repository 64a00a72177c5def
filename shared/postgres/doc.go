// Package postgres is the only way to the database: pools, transactions, error
// classes, health, replica reads, notifications and migrations.
//
// # Guarantees
//
//   - A transaction exists only inside the closure of DB.InTx, which always
//     ends it: on an error, on a panic, and on a context that has died. If the
//     process dies, the server ends it.
//   - A COMMIT without an answer is ErrUnknownCommit, never success and never a
//     failure, and is not repeated. Every other error of InTx means that
//     nothing was stored.
//   - A transaction that lost against another one is run again as a whole. No
//     other error is retried here: retries of a lost connection belong to the
//     job (docs/design.md section 5), and are never stacked.
//   - Every wait has an end: for a connection, for an answer, for a lock, for a
//     whole transaction, and for a server that vanished without a word.
//   - Nothing here needs the server to be up at the start, and nothing has to
//     be restarted when it was away.
//   - Passwords appear in no message.
//
// # Decisions
//
// One DB is one pool with one purpose. A process has several, so that job
// writes cannot starve claims and heartbeats.
//
// Inside a transaction's closure its tx alone speaks to the database. Asking a
// pool from there (with the closure's context) is refused, since with one pool
// it deadlocks under load and with two it writes what the transaction does not
// cover.
//
// SQL names the schema (alphapulse.) everywhere; search_path is set only for
// people who look at a session.
package postgres
