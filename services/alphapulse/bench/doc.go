// Package bench measures this program against the limits of the machine that it runs
// on: what the same reading, decoding and writing of the same rows costs with
// nothing around it. Both are measured in turns within one run, on one database, so
// that their ratio says something where neither number alone would.
//
// # What runs
//
// A private Postgres, an embedded broker (in this process) and, as processes of the
// same program, a stand-in exchange, a scheduler, an aggregator and workers. The
// last three are started for each pass and stopped after it: what a process used is
// then what the pass used.
//
// # Files
//
//	config.go        what is asked for
//	bench.go         which scenarios, one after the other
//	machine.go …     what everything stands on, and the processes on it
//	usage.go …       what was used: processors, memory, write-ahead log
//	loop.go          the limits: jobs without a queue
//	burndown.go, history.go, paced.go, planning.go, latency.go
//	                 the scenarios
//	result.go …      what is reported
//
// # What is promised
//
// A pass counts only if every job of it succeeded; else it is an error that says
// where the logs are. Nothing is measured of a database that holds anybody else's
// accounts.
package bench
