package budget

import (
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Standing is where this process stands in the budget of one venue.
type Standing struct {
	Venue string
	// RequestsPerSecond is what all processes of the address may send.
	RequestsPerSecond float64
	Leased            int           // requests that may be sent and have not been
	Waiting           int           // requests that wait for their turn
	Banned            time.Duration // how long the venue refuses the address; 0: it does not
	// Left is the least part of an account's limit that was left after a request
	// of the last ten seconds, or of the latest one, as the exchange told it; 1
	// before it told anything.
	Left float64
}

// leastFor is how long the least that was left is remembered.
const leastFor = 10 * time.Second

// least remembers how near to their limits accounts have come.
type least struct {
	left float64
	at   time.Time // zero: nothing was told
}

func (l *least) note(said exchange.Allowance, now time.Time) {
	left := max(float64(said.Remaining)/float64(said.Limit), 0)
	if l.at.IsZero() || left <= l.left || now.Sub(l.at) > leastFor {
		l.left, l.at = left, now
	}
}

func (l *least) value() float64 {
	if l.at.IsZero() {
		return 1
	}
	return l.left
}

// Standings lists the venues that this process has asked.
func (f *Fleet) Standings() []Standing {
	var all []Standing
	now := time.Now()
	for _, a := range f.all() {
		all = append(all, a.standing(now))
	}
	return all
}

func (a *address) standing(now time.Time) Standing {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Standing{
		Venue: a.venue, RequestsPerSecond: float64(time.Second) / float64(a.pace.every),
		Leased: len(a.tokens), Waiting: a.queue.waiting, Banned: max(a.banned.Sub(now), 0), Left: a.least.value(),
	}
}
