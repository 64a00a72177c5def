package budget

import (
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// refusal says what a waiter waits for in vain, and when to come back.
func (a *address) refusal(w *waiter, free, now time.Time) *exchange.Error {
	what := fmt.Sprintf("the budget of this address for %s (%.3g requests per second)", a.venue, float64(time.Second)/float64(a.pace.every))
	if w.meter != nil && w.meter.slot.After(a.slot[w.priority]) {
		limit := w.meter.published
		if w.meter.size > 0 {
			limit.Requests = w.meter.size
		}
		what = fmt.Sprintf("the account's budget for %s (%d requests in %s)", w.meter.endpoint, limit.Requests, limit.Window)
	}
	free = later(free, now.Add(100*time.Millisecond))
	return &exchange.Error{
		Class: exchange.RateLimited, Code: "budget", RetryAt: free,
		Message: fmt.Sprintf("%s is used up for the next %s", what, free.Sub(now).Round(time.Millisecond)),
	}
}

// ban refuses everyone and drops what is leased. A ban is never shortened.
func (a *address) ban(until time.Time, reason string) {
	if until.After(a.banned) {
		a.banned, a.reason = until, reason
	}
	now := time.Now()
	fault := a.bannedLocked(now)
	if fault == nil {
		return
	}
	a.tokens = nil
	for _, m := range a.meters {
		m.tokens = nil
	}
	for _, w := range a.queue.all() {
		a.queue.remove(w)
		w.done <- fault
	}
}

func (a *address) bannedLocked(now time.Time) error {
	if !now.Before(a.banned) {
		return nil
	}
	message := fmt.Sprintf("%s refuses this address; no worker of it sends a request before %s", a.venue, a.banned.UTC().Format(time.RFC3339))
	if a.reason != "" {
		message += ": " + a.reason
	}
	return &exchange.Error{Class: exchange.Banned, Code: "budget", RetryAt: a.banned, Message: message}
}
