// Package budget is the request budget that all worker processes share, in
// Postgres: docs/limits.md describes it as a whole.
//
// A process that wants to send asks for a lease: one statement, on the
// database's clock, that grants the next free moments of its address and of the
// accounts it asks for. Leases are small, as many requests as wait and a few
// more while there is plenty, and short: what is not used within a moment goes
// back. So eight processes keep limits that none of them could keep alone. What
// usually follows a request of an account is leased in spare together with it, while
// that takes nothing from anybody who waits.
//
// Within a process requests are granted live before backfill, and accounts take
// turns.
package budget
