package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/timeout"
)

// patience is the longest wait for a named time that is spent inside a call;
// what lies further off is the job's to wait for, without a slot.
const patience = 1100 * time.Millisecond

// verdict is what an attempt says about the health of its host.
type verdict int

const (
	faulty  verdict = iota // 5xx, no answer, an answer that is no answer
	healthy                // it answered, if only to refuse
	unknown                // nothing was asked, or the answer not awaited
)

// outcome is the error of one attempt, with what it means for the policies.
type outcome struct {
	err     *Error
	verdict verdict
	retry   bool
	wait    time.Duration // before the retry; negative: the usual backoff
}

func (o *outcome) Error() string { return o.err.Error() }

func (o *outcome) Unwrap() error { return o.err }

// tries is the state of one call through its attempts, which run one after
// another.
type tries struct {
	budget  Budget
	call    Call
	attempt func(context.Context) error

	observer Observer

	skew         *Error // the clock was off; measure before the next attempt
	skewed       bool
	limited      int
	failed       int
	unclassified bool
}

// mostLimited is how many times a call waits for a rate limit. A live call waits
// once: its job returns soon enough. A backfill's call is one page of a walk that
// would begin anew, and pay again for what it has read.
func mostLimited(p Priority) int {
	if p == Backfill {
		return 5
	}
	return 1
}

// next makes one attempt.
func (t *tries) next(ctx context.Context) error {
	if err := t.resync(ctx); err != nil {
		return err
	}
	began := time.Now()
	err := t.budget.Take(ctx, t.call.Use)
	tellWait(ctx, began)
	if err != nil {
		return refusal(err)
	}
	countRequest(ctx)
	err = observed(ctx, t.observer, t.call.Use.Host, t.attempt)
	if err == nil {
		return nil
	}
	return t.judge(ctx, classified(err))
}

func (t *tries) resync(ctx context.Context) error {
	skew := t.skew
	t.skew = nil
	if skew == nil || t.call.Resync == nil {
		return nil
	}
	if err := t.call.Resync(ctx); err != nil {
		failed := *skew
		failed.Cause = err
		return &outcome{err: &failed, verdict: unknown}
	}
	return nil
}

func (t *tries) judge(ctx context.Context, err *Error) error {
	if ctx.Err() != nil {
		// Cut off from our side. If it was the attempt's own timeout, its
		// policy replaces this by timeout.ErrExceeded, which is the host's fault.
		return &outcome{err: err, verdict: unknown}
	}
	if err.Class == RateLimited || err.Class == Banned {
		t.budget.Report(t.call.Use, err)
	}
	out := &outcome{err: err, verdict: healthy}
	if err.Class == Transient {
		out.verdict = faulty
	}
	out.retry, out.wait = t.again(PriorityOf(ctx), err)
	return out
}

// again decides on a retry. At most one follows each of a skewed clock and an
// unknown code, mostLimited a rate limit, and maxRetries a failure; failures that
// the policies find themselves are counted by theirs.
func (t *tries) again(p Priority, err *Error) (bool, time.Duration) {
	switch err.Class {
	case Transient:
		if t.failed++; t.failed > maxRetries || err.Unclassified && t.unclassified {
			return false, 0
		}
		t.unclassified = t.unclassified || err.Unclassified
		if err.RetryAt.IsZero() {
			return true, -1
		}
	case RateLimited:
		if t.limited++; t.limited > mostLimited(p) || err.RetryAt.IsZero() {
			return false, 0
		}
	case ClockSkew:
		if t.skewed {
			return false, 0
		}
		t.skewed, t.skew = true, err
		return true, 0
	default:
		return false, 0
	}
	wait := time.Until(err.RetryAt)
	return wait <= patience, max(wait, 0)
}

// refusal is the budget's answer: it says nothing about the host.
func refusal(err error) error {
	return &outcome{err: classified(err), verdict: unknown}
}

func classified(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{Class: Transient, Cause: err}
}

func retriable(err error) bool {
	var out *outcome
	if errors.As(err, &out) {
		return out.retry
	}
	return errors.Is(err, timeout.ErrExceeded)
}

// retryDelay gives the wait an attempt asked for; -1 means the usual backoff.
// The policy varies every delay by its jitter, also downwards, and a request
// before a named time would only be refused again: hence the division.
func retryDelay(exec failsafe.ExecutionAttempt[any]) time.Duration {
	var out *outcome
	if !errors.As(exec.LastError(), &out) || out.wait < 0 {
		return -1
	}
	return time.Duration(float64(out.wait) / (1 - retryJitter))
}
