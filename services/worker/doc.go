// Package worker takes jobs from the queue and carries them through: claim,
// read the exchange, commit, report, ack. docs/design.md section 2 is the walk;
// the files here are its steps:
//
//	worker.go     which queues, how many slots, and how it stops
//	slots.go      delivery: fetching no more than can be started at once
//	walk.go       one delivery from claim to ack
//	claimer.go    jobs that are delivered at the same time are claimed together
//	refusal.go    what to do with a delivery whose job was not to be had
//	lease.go      heartbeats, and the ways an attempt ends from outside
//	reading.go    what reading the exchange gave, scope by scope
//	clockguard.go responses that are dated wrongly
//	verdict.go    from faults to the job's outcome
//	store.go      scopes into tables, guarded, within the outcome's transaction
//	scopes.go     the rows that guard them, and what was last stored
//	committer.go  outcomes that come at the same time are committed together
//	report.go     the result, after the commit
//
// and one file per data type (balances.go, positions.go, orders.go, prices.go,
// probe.go): how it is read, and which wire field becomes which column.
//
// The order is always commit, report, ack. If the process dies between two of
// them the job comes again and its claim answers that it is done.
//
// Jobs that come at the same time share statements and transactions, and nothing
// else: each is claimed, fenced and stored, or not, for itself. What a group cannot
// settle is done again for each of its jobs alone, so that the one which is at fault
// harms no other.
package worker
