// Package syncjob holds the nouns of AlphaPulse and their laws: what a job and
// a run are, which states they pass, what each class of error does to a job,
// and how the outcomes of jobs fold into the status of a run.
//
// It is standard library only and does no I/O: every law here is a pure
// function of its arguments, and none reads a clock. The tables enforce the
// same laws in SQL, each transition guarded by the state it expects; package
// ledger is the place where the two meet.
package syncjob
