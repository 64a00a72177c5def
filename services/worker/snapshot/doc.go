// Package snapshot writes what was read of one scope into its table: it
// upserts what changed, deletes what is absent, and keeps the history of both.
//
// # What is promised
//
//   - An unchanged scope writes no row at all.
//   - A row is deleted only if the walk of its scope was complete, and never one
//     that came but was not understood.
//   - Columns that follow the market are brought up to date in place: alone they
//     open no history row, move neither as_of nor run_id, and do not count as a
//     change.
//   - In the history, a row is valid from the as_of of the walk that saw it so
//     to the as_of of the walk that saw it otherwise, or not at all. Of one key
//     the intervals never overlap, and there is a gap only where the row was
//     gone, whatever the order in which scopes that share a key are written.
//
// # What is expected
//
// The caller of a snapshot holds the lock of the scope's row in sync_scopes, and has
// found the snapshot to be newer than the one stored. So no other writer of the scope is
// between these statements, and each sees what the one before it did. Rows of a history
// guard themselves; who meets another writer of one of them is told so by the index that
// allows one open row of the past for each key, and runs again.
//
// Values travel as text arrays and are cast by the database: a number goes from
// the exchange's string to numeric with nothing in between.
package snapshot
