package budget

import (
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// comeBack is the earliest return of who was refused: others have waited as
// long, and a job that returns at once is refused at once.
const comeBack = time.Second

// refusal says what a waiter waits for in vain, and when to come back.
func (a *address) refusal(w *waiter, free, now time.Time) *exchange.Error {
	again := later(free, now.Add(comeBack))
	message := fmt.Sprintf("no turn came within %s: requests of this address for %s that go first use its budget up", a.fleet.cfg.wait(w.priority), a.venue)
	left := free.Sub(now).Round(time.Millisecond)
	switch {
	case w.meter != nil && w.meter.slot.After(now) && !w.meter.slot.Before(free):
		limit := w.meter.limit()
		message = fmt.Sprintf("the account's budget for %s, %d requests in %s, is used up for the next %s", w.meter.endpoint, limit.Requests, limit.Window, left)
	case free.After(now):
		message = fmt.Sprintf("the budget of this address for %s, one request in %s, is used up for the next %s", a.venue, a.pace.every, left)
	}
	return &exchange.Error{Class: exchange.RateLimited, Code: "budget", RetryAt: again, Message: message}
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
