package exchange

import (
	"errors"
	"fmt"
	"time"
)

// Policies sets what every call to a host passes:
//
//	timeout(retry(breaker(bulkhead(attempt timeout(budget, clock, send)))))
//
// The order is the point. A retry passes the breaker again, so that it counts
// and stops when the host is down; the budget is taken inside the attempt, so
// that a retry pays for itself, and before the request is timestamped, so that
// waiting does not age a signature.
type Policies struct {
	// Total bounds a call with all its tries and waits.
	Total time.Duration
	// Attempt bounds one try, the wait for the budget included.
	Attempt time.Duration
	// MaxInFlight tries of one priority run against one host at once, the wait
	// for the budget included; another waits QueueWait for its place and is then
	// refused.
	MaxInFlight uint
	QueueWait   time.Duration
	// RetryDelay doubles with each retry up to RetryMaxDelay, with jitter.
	RetryDelay    time.Duration
	RetryMaxDelay time.Duration
	// The breaker opens when at least BreakerMinimum tries ended within
	// BreakerWindow and this share of them was the host's fault. It lets trials
	// through again after BreakerDelay, with jitter.
	BreakerShare   float64
	BreakerMinimum uint
	BreakerWindow  time.Duration
	BreakerDelay   time.Duration
	// Observer, if set, is told of requests and breakers.
	Observer Observer
}

// DefaultPolicies fits a job timeout of 60 s: one call that hangs in every try
// leaves time to store what the job has.
func DefaultPolicies() Policies {
	return Policies{
		Total:          25 * time.Second,
		Attempt:        10 * time.Second,
		MaxInFlight:    16,
		QueueWait:      5 * time.Second,
		RetryDelay:     200 * time.Millisecond,
		RetryMaxDelay:  3 * time.Second,
		BreakerShare:   0.5,
		BreakerMinimum: 10,
		BreakerWindow:  30 * time.Second,
		BreakerDelay:   10 * time.Second,
	}
}

// validate names every wrong setting at once.
func (p Policies) validate() error {
	var faults []error
	positive := func(name string, d time.Duration) {
		if d <= 0 {
			faults = append(faults, fmt.Errorf("exchange policies: %s must be above 0, is %s", name, d))
		}
	}
	positive("the timeout of a call", p.Total)
	positive("the timeout of one try", p.Attempt)
	positive("the retry delay", p.RetryDelay)
	positive("the breaker's window", p.BreakerWindow)
	positive("the breaker's delay", p.BreakerDelay)
	if p.RetryMaxDelay <= p.RetryDelay {
		faults = append(faults, fmt.Errorf("exchange policies: the longest retry delay (%s) must be above the first (%s)", p.RetryMaxDelay, p.RetryDelay))
	}
	if p.QueueWait < 0 {
		faults = append(faults, fmt.Errorf("exchange policies: the wait for a place must not be negative, is %s", p.QueueWait))
	}
	if p.MaxInFlight < 1 {
		faults = append(faults, errors.New("exchange policies: at least one call must be allowed in flight"))
	}
	if p.BreakerMinimum < 1 || !(p.BreakerShare > 0 && p.BreakerShare <= 1) {
		faults = append(faults, fmt.Errorf("exchange policies: the breaker needs a minimum of at least 1 try (is %d) and a share of failures in (0, 1] (is %g)", p.BreakerMinimum, p.BreakerShare))
	}
	return errors.Join(faults...)
}
