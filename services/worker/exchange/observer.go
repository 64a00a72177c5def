package exchange

import (
	"context"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// Observer is told of every request and of the breakers, for those who measure.
// It must not block.
type Observer interface {
	// Requested: a request was sent, and how it ended; fault is nil if it was
	// answered. A try that was cut off counts as Transient.
	Requested(host string, took time.Duration, fault *Error)
	// BreakerIs: the breaker of a host is in a state, from now on.
	BreakerIs(host string, state BreakerState)
}

// BreakerState is the state of a host's breaker.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "closed"
	BreakerHalfOpen BreakerState = "half_open"
	BreakerOpen     BreakerState = "open"
)

// BreakerStates lists them.
func BreakerStates() []BreakerState {
	return []BreakerState{BreakerClosed, BreakerHalfOpen, BreakerOpen}
}

func stateOf(s circuitbreaker.State) BreakerState {
	switch s {
	case circuitbreaker.OpenState:
		return BreakerOpen
	case circuitbreaker.HalfOpenState:
		return BreakerHalfOpen
	case circuitbreaker.ClosedState:
		return BreakerClosed
	default:
		return BreakerClosed
	}
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Requested(string, time.Duration, *Error) {}
func (nobody) BreakerIs(string, BreakerState)          {}

func (p Policies) observer() Observer {
	if p.Observer == nil {
		return nobody{}
	}
	return p.Observer
}

// observed sends one request, in a span of its own, and tells the observer.
func observed(ctx context.Context, o Observer, host string, send func(context.Context) error) error {
	began := time.Now()
	err := inSpan(ctx, host, send)
	var fault *Error
	if err != nil {
		fault = classified(err)
	}
	o.Requested(host, time.Since(began), fault)
	return err
}
