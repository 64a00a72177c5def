package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/sirupsen/logrus"
)

const (
	maxRetries  = 2
	retryJitter = 0.25
)

// Caller sends calls to one host through the policies that all callers of the
// host share.
type Caller struct {
	host     string
	policies Policies
	budget   Budget
	breaker  circuitbreaker.CircuitBreaker[any]
	// By Priority: a call waits for its budget in its place in the bulkhead, and
	// backfill, which waits longer, would fill the places of live calls.
	executors [Backfill + 1]failsafe.Executor[any]
}

// Call is what a Caller must know of a call beside how it is sent.
type Call struct {
	Use Use
	// Resync measures the host's clock anew. It runs before the one retry that
	// follows ClockSkew; if it fails there is none. Nil: nothing to measure.
	Resync func(ctx context.Context) error
}

func newCaller(host string, policies Policies, budget Budget, log *logrus.Entry) *Caller {
	c := &Caller{host: host, policies: policies, budget: budget, breaker: newBreaker(host, policies, log)}
	for p := range c.executors {
		c.executors[p] = failsafe.With(
			failsafe.Policy[any](timeout.New[any](policies.Total)),
			newRetry(policies, maxRetries+mostLimited(Priority(p))-1),
			breakerPolicy{c.breaker},
			bulkhead.NewBuilder[any](policies.MaxInFlight).WithMaxWaitTime(policies.QueueWait).Build(),
			timeout.New[any](policies.Attempt),
		)
	}
	return c
}

// newRetry leaves the decision to the attempt, which knows what went before.
func newRetry(policies Policies, most int) retrypolicy.RetryPolicy[any] {
	return retrypolicy.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool { return retriable(err) }).
		AbortOnErrors(circuitbreaker.ErrOpen, bulkhead.ErrFull, context.Canceled).
		WithMaxRetries(most).
		WithBackoff(policies.RetryDelay, policies.RetryMaxDelay).
		WithJitterFactor(retryJitter).
		WithDelayFunc(retryDelay).
		ReturnLastFailure().
		Build()
}

// Do sends a call: it takes the budget, then runs attempt, again if the
// class of its error allows it. attempt must end when its context does, and
// its error should be an *Error; any other counts as Transient.
//
// The answer is nil or the last attempt's error. Where no attempt was made or
// finished it is Do's own: Transient with RetryAt while the breaker is open,
// Transient when the time is up, RateLimited when our own budget or bulkhead
// is full (that is no fault of the exchange), Transient wrapping ctx.Err()
// when ctx ended.
func (c *Caller) Do(ctx context.Context, call Call, attempt func(context.Context) error) *Error {
	tries := &tries{budget: c.budget, call: call, attempt: attempt, observer: c.policies.observer()}
	err := c.executors[PriorityOf(ctx)].WithContext(ctx).RunWithExecution(func(exec failsafe.Execution[any]) error {
		return tries.next(exec.Context())
	})
	return c.explain(err)
}

// Once sends a call that is part of others, such as a reading of the clock: it
// takes the budget and makes one attempt, past breaker and bulkhead, where the
// calls it is part of hold their places already. The bounds are the caller's.
func (c *Caller) Once(ctx context.Context, use Use, attempt func(context.Context) error) *Error {
	if err := c.budget.Take(ctx, use); err != nil {
		return classified(err)
	}
	err := observed(ctx, c.policies.observer(), c.host, attempt)
	if err == nil {
		return nil
	}
	fault := classified(err)
	c.budget.Report(use, fault)
	return fault
}

// Learn passes on what the exchange said about its limits with an answer. A
// budget that does not learn ignores it.
func (c *Caller) Learn(use Use, said Allowance) {
	if learner, ok := c.budget.(Learner); ok {
		learner.Learn(use, said)
	}
}

// explain turns the policies' own errors into classified ones.
func (c *Caller) explain(err error) *Error {
	var classified *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &classified):
		return classified
	case errors.Is(err, circuitbreaker.ErrOpen):
		return c.suspended(err)
	case errors.Is(err, bulkhead.ErrFull):
		return &Error{
			Class:   RateLimited,
			Code:    "bulkhead",
			Message: fmt.Sprintf("%d calls to %s are in flight, which is the most this process allows, and none ended within %s", c.policies.MaxInFlight, c.host, c.policies.QueueWait),
			RetryAt: time.Now().Add(time.Second),
		}
	case errors.Is(err, timeout.ErrExceeded):
		return &Error{
			Class:   Transient,
			Message: fmt.Sprintf("%s did not answer in time (%s for a try, %s in all)", c.host, c.policies.Attempt, c.policies.Total),
			Cause:   err,
		}
	default:
		return &Error{Class: Transient, Message: "the call to " + c.host + " was given up", Cause: err}
	}
}

func (c *Caller) suspended(cause error) *Error {
	// Half open and all trials under way: no delay is named then.
	delay := max(c.breaker.RemainingDelay(), time.Second)
	return &Error{
		Class:   Transient,
		Message: fmt.Sprintf("calls to %s are suspended because too many failed; the next trial is in %s", c.host, delay.Round(100*time.Millisecond)),
		RetryAt: time.Now().Add(delay),
		Cause:   cause,
	}
}
