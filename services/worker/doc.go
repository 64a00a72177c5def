// Package worker takes jobs from the queue and carries them through: claim,
// read the exchange, commit, report, ack. docs/design.md section 2 is the walk;
// the files here are its steps:
//
//	worker.go     which queues, how many slots, and how it stops
//	slots.go      delivery: fetching no more than can be started at once
//	walk.go       one delivery from claim to ack
//	refusal.go    what to do with a delivery whose job was not to be had
//	lease.go      heartbeats, and the ways an attempt ends from outside
//	reading.go    what reading the exchange gave, scope by scope
//	clockguard.go responses that are dated wrongly
//	verdict.go    from faults to the job's outcome
//	store.go      scopes into tables, guarded, within the outcome's transaction
//	report.go     the result, after the commit
//
// and one file per data type (balances.go, positions.go, orders.go, prices.go,
// probe.go): how it is read, and which wire field becomes which column.
//
// The order is always commit, report, ack. If the process dies between two of
// them the job comes again and its claim answers that it is done.
package worker
