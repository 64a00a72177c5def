// Package daemon is the skeleton that every long-lived process of AlphaPulse
// shares: its log identity, its settings, its stop in two phases, and the
// endpoints by which others see that it lives.
//
// # Stopping
//
// A component is handed two contexts. When take ends it accepts nothing new
// and finishes what it has; when work ends it abandons even that. The order is
// always the same:
//
//  1. The first SIGINT or SIGTERM, the end of the caller's context, or the
//     first component to return ends take.
//  2. Work ends when the grace period is over, or earlier: as soon as every
//     foreground component has returned.
//  3. Run returns when all components have. Those that are still running
//     when the abandon period is over are named in a [StuckError], and Run
//     returns without them: a process that cannot stop is worse than one that
//     leaves a job to its lease.
//
// A second signal ends the process at once with 128 plus the signal's number.
// Nothing is lost by that either: whatever a job had not committed is rolled
// back by the database, and its lease hands it to another worker.
//
// # Settings
//
// [Env] reads the environment once and collects every mistake, so that a start
// that fails names all of them together. A secret may come as NAME or, from a
// file, as NAME_FILE.
package daemon
