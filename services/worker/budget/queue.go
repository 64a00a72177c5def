package budget

import (
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// waiter is one call that waits for its turn.
type waiter struct {
	uid      string
	meter    *meter // nil: counted per address alone
	priority exchange.Priority
	deadline time.Time
	// What it was granted and when; set before done is answered.
	granted time.Time
	charge  int64
	done    chan error // has room for the one answer
}

// ready reports whether only the address keeps the waiter.
func (w *waiter) ready(now time.Time) bool {
	return w.meter == nil || w.meter.usable(now) >= 0
}

// queue is who waits at an address: accounts in the order of their turns, each
// with its waiters, first come first served.
type queue struct {
	turns   []string
	waiters map[string][]*waiter
	waiting int
}

func newQueue() queue { return queue{waiters: map[string][]*waiter{}} }

func (q *queue) add(w *waiter) {
	if len(q.waiters[w.uid]) == 0 {
		q.turns = append(q.turns, w.uid)
	}
	q.waiters[w.uid] = append(q.waiters[w.uid], w)
	q.waiting++
}

// remove takes a waiter out; false: it was not there any more.
func (q *queue) remove(w *waiter) bool {
	line := q.waiters[w.uid]
	at := slices.Index(line, w)
	if at < 0 {
		return false
	}
	q.waiting--
	if len(line) > 1 {
		q.waiters[w.uid] = slices.Delete(line, at, at+1)
		return true
	}
	delete(q.waiters, w.uid)
	q.turns = slices.DeleteFunc(q.turns, func(uid string) bool { return uid == w.uid })
	return true
}

// served takes a waiter out and puts its account at the end of the turns.
func (q *queue) served(w *waiter) {
	q.remove(w)
	if at := slices.Index(q.turns, w.uid); at >= 0 {
		q.turns = append(slices.Delete(q.turns, at, at+1), w.uid)
	}
}

// first is the waiter of a priority whose turn it is among those that are
// ready.
func (q *queue) first(p exchange.Priority, now time.Time) *waiter {
	for _, uid := range q.turns {
		for _, w := range q.waiters[uid] {
			if w.priority == p && w.ready(now) {
				return w
			}
		}
	}
	return nil
}

// inTurn lists the waiters of a priority in the order in which they would be
// served, at most n.
func (q *queue) inTurn(p exchange.Priority, n int) []*waiter {
	var list []*waiter
	for round := 0; len(list) < n; round++ {
		found := false
		for _, uid := range q.turns {
			line := q.waiters[uid]
			if round < len(line) {
				found = true
				if line[round].priority == p && len(list) < n {
					list = append(list, line[round])
				}
			}
		}
		if !found {
			break
		}
	}
	return list
}

// all lists everyone who waits.
func (q *queue) all() []*waiter {
	list := make([]*waiter, 0, q.waiting)
	for _, uid := range q.turns {
		list = append(list, q.waiters[uid]...)
	}
	return list
}
