package exchange

import (
	"errors"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/common"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/sirupsen/logrus"
)

// Two of the first three trials close a breaker again.
const (
	trialsToClose = 2
	trials        = 3
	breakerJitter = 0.3
)

func newBreaker(host string, policies Policies, log *logrus.Entry) circuitbreaker.CircuitBreaker[any] {
	observer := policies.observer()
	observer.BreakerIs(host, BreakerClosed)
	return circuitbreaker.NewBuilder[any]().
		WithFailureRateThreshold(policies.BreakerShare, policies.BreakerMinimum, policies.BreakerWindow).
		WithSuccessThresholdRatio(trialsToClose, trials).
		WithDelay(policies.BreakerDelay).
		WithJitterFactor(breakerJitter).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			log.WithFields(logrus.Fields{"from": e.OldState.String(), "to": e.NewState.String()}).
				Warn("exchange breaker changed state")
			observer.BreakerIs(host, stateOf(e.NewState))
		}).
		Build()
}

// breakerPolicy places a breaker in a composition, and differs from failsafe's
// own placing in one thing: an attempt that says nothing about the host is not
// counted. failsafe counts whatever is not a failure as a success, so that a
// host which hangs would look healthy: each call that hangs fills the
// bulkhead, and each call the bulkhead refuses would speak for the host.
type breakerPolicy struct {
	breaker circuitbreaker.CircuitBreaker[any]
}

// ToExecutor implements failsafe.Policy.
func (p breakerPolicy) ToExecutor(any) any { return p }

// Apply runs inner if the breaker lets it.
func (p breakerPolicy) Apply(inner func(failsafe.Execution[any]) *common.PolicyResult[any]) func(failsafe.Execution[any]) *common.PolicyResult[any] {
	return func(exec failsafe.Execution[any]) *common.PolicyResult[any] {
		if !p.breaker.TryAcquirePermit() {
			return &common.PolicyResult[any]{Error: circuitbreaker.ErrOpen, Done: true}
		}
		result := inner(exec)
		p.record(verdictOf(result.Error))
		return result
	}
}

func (p breakerPolicy) record(v verdict) {
	switch {
	case v == healthy:
		p.breaker.RecordSuccess()
	case v == faulty:
		p.breaker.RecordFailure()
	case p.breaker.IsHalfOpen():
		// A trial must be recorded or its permit is never returned, and one
		// that proved nothing must not close the breaker.
		p.breaker.RecordFailure()
	}
}

func verdictOf(err error) verdict {
	var out *outcome
	switch {
	case err == nil:
		return healthy
	case errors.As(err, &out):
		return out.verdict
	case errors.Is(err, timeout.ErrExceeded):
		return faulty
	default:
		return unknown
	}
}
