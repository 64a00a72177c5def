// Package up runs the whole of AlphaPulse on one machine: a private Postgres, an
// embedded NATS server, scheduler, aggregator and api in this process, and each
// worker as a child process, so that a worker's crash is a worker's crash.
//
// # Guarantees
//
//   - A data directory belongs to one process at a time. Nothing in it is ever
//     deleted but connection.env, which says how to reach what runs and is
//     removed when it stops.
//   - A stop has an order: workers finish what they hold or give it back, then
//     scheduler, aggregator and api end, then the broker, then Postgres. It takes
//     less than five seconds; a second signal ends everything at once.
//   - No process outlives this one for long, however it ends: the kernel ends the
//     children on Linux, and everywhere they watch a pipe that ends with this
//     process. The next start on the same directory goes on where this one was.
//   - No secret is an argument of a process or printed. Workers get the address
//     of the database from their environment and the vault's key from a file.
package up
