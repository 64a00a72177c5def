package worker

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Classes of faults that are ours and not the exchange's, in the form that the
// reading carries faults.
const (
	classInternal = exchange.Class(syncjob.Internal)
	classDeadline = exchange.Class(syncjob.Deadline)
	classDatabase = exchange.Class(syncjob.Database)
)

// defaultWait is the pause after a limit that names no time.
const defaultWait = time.Second

// verdict is what a reading means for its job: the outcome, and whether its
// parts are stored.
type verdict struct {
	outcome ledger.Outcome
	store   bool
}

// judge turns a reading into a verdict. A fault of the job decides unless this
// is the last attempt and what was read beside it can be stored; then, and
// without one, the scopes decide: all read is succeeded, some is partial, none
// is failed.
func judge(job *ledger.Claimed, r reading, now time.Time) verdict {
	v := verdict{outcome: ledger.Outcome{RowsFetched: r.fetched(), AsOf: r.asOf()}}
	if r.fault != nil && !(job.LastAttempt() && storable(r.fault.Class)) {
		v.outcome = failure(job, r.fault, false, now)
		return v
	}
	faulty := r.faulty()
	switch {
	case len(faulty) == 0 && r.fault == nil:
		v.outcome.Status, v.store = syncjob.Succeeded, true
		return v
	case r.stored() > 0:
		v.outcome.Status, v.store = syncjob.Partial, true
	case r.fault != nil:
		v.outcome = failure(job, r.fault, false, now)
	default:
		v.outcome.Status, v.store = syncjob.Failed, true // what was not read, and why, is stored
	}
	describe(&v.outcome, faulty, r.fault)
	return v
}

// failure is the outcome of an attempt that a fault of the job ended.
func failure(job *ledger.Claimed, fault *exchange.Error, stored bool, now time.Time) ledger.Outcome {
	class := syncjob.Class(fault.Class)
	out := ledger.Outcome{Class: class, Code: fault.Code, Message: faultText(fault)}
	wait := untilRetry(fault, now)
	switch {
	case !class.Retries():
		out.Status = syncjob.Failed
	case !class.Counts():
		out.Status, out.Wait, out.After = syncjob.Waiting, syncjob.WaitExchange, max(wait, defaultWait)
	case job.LastAttempt():
		out.Status = syncjob.Exhausted(job.Trigger, job.Lane, stored)
	default:
		out.Status, out.Wait, out.Counted = syncjob.Waiting, syncjob.WaitRetry, true
		out.After = max(wait, syncjob.Backoff(job.Lane, job.Attempt, rand.Float64())) //nolint:gosec // jitter
	}
	return out
}

// untilRetry is how long the fault asks to wait; 0 if it does not.
func untilRetry(fault *exchange.Error, now time.Time) time.Duration {
	if fault.RetryAt.IsZero() {
		return 0
	}
	return max(fault.RetryAt.Sub(now), 0)
}

// describe gives an outcome the reason of its first fault, and the message of
// every scope that was not read.
func describe(out *ledger.Outcome, faulty []part, fault *exchange.Error) {
	if len(faulty) == 0 {
		if fault != nil {
			out.Class, out.Code, out.Message = syncjob.Class(fault.Class), fault.Code, faultText(fault)
		}
		return
	}
	first := faulty[0].fault
	out.Class, out.Code = syncjob.Class(first.Class), first.Code
	out.Message = reasons(faulty)
}

// reasons says why each scope was not read; scopes of one reason together.
func reasons(faulty []part) string {
	var texts []string
	scopes := map[string][]string{}
	for _, p := range faulty {
		text := faultText(p.fault)
		if scopes[text] == nil {
			texts = append(texts, text)
		}
		scopes[text] = append(scopes[text], p.scope)
	}
	for i, text := range texts {
		texts[i] = strings.Join(scopes[text], ", ") + ": " + text
	}
	return strings.Join(texts, "; ")
}

// faultText is a fault's message with its cause, without its class and code,
// which have columns of their own.
func faultText(fault *exchange.Error) string {
	text := fault.Message
	if fault.Cause != nil {
		if text != "" {
			text += ": "
		}
		text += fault.Cause.Error()
	}
	return text
}

// databaseFault is a failure of our own database while reading.
func databaseFault(doing string, err error) *exchange.Error {
	return &exchange.Error{Class: classDatabase, Message: doing, Cause: err}
}

// plural writes a count with its noun and verb.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
