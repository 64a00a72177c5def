package budget

import (
	"cmp"
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// order is what one lease asks for.
type order struct {
	held   int // requests of the address that are leased already
	late   time.Duration
	want   [2]int
	spare  int
	meters []*metered
}

// metered is what a lease asks for and tells of one account and endpoint.
type metered struct {
	meter *meter
	want  [2]int
	spare int
	told  int
	used  int
	age   time.Duration
	moves []move
	// foreseen: nobody waits for it. What is wanted is then given back, because it counts
	// as sent at once; what is leased in spare counts as sent later than it will be used.
	foreseen bool
}

// order makes the next lease; nil if there is none to make now. It holds the
// address's lock.
func (a *address) order(now time.Time) *order {
	if a.leasing || now.Before(a.failed) || now.Before(a.rested) {
		return nil
	}
	flush := a.flushAt()
	due := !flush.IsZero() && !now.Before(flush)
	o := &order{held: len(a.tokens), late: a.lag.usual}
	asked := map[*meter]*metered{}
	for p, most := range [2]int{mostLive, mostBackfill} {
		a.demand(o, asked, exchange.Priority(p), most, now)
	}
	a.foresee(o, asked, now)
	a.cut(o, now)
	address := o.want[exchange.Live] + o.want[exchange.Backfill]
	// Without a request of the address those of accounts are of no use.
	wants := address > 0 || (o.held > 0 && short(asked) > 0)
	if !wants && !due {
		return nil
	}
	if address > 0 {
		o.spare = min(max(a.taken, fewestAddressSpare), mostAddressSpare)
		a.taken = 0
	}
	if !wants {
		clear(asked)
	}
	a.reports(o, asked, now)
	return o
}

// short counts the requests that accounts need beyond those leased.
func short(asked map[*meter]*metered) int {
	n := 0
	for m, line := range asked {
		n += max(line.want[exchange.Live]+line.want[exchange.Backfill]-len(m.tokens), 0)
	}
	return n
}

// demand counts the waiters of a priority in the order of their turns.
func (a *address) demand(o *order, asked map[*meter]*metered, p exchange.Priority, most int, now time.Time) {
	for _, w := range a.queue.inTurn(p, most) {
		if w.meter == nil {
			o.want[p]++
			continue
		}
		m := asked[w.meter]
		if m == nil {
			m = &metered{meter: w.meter, spare: w.meter.spareFor()}
			asked[w.meter] = m
		}
		have := m.want[exchange.Live] + m.want[exchange.Backfill]
		if have >= len(w.meter.tokens) && now.Before(w.meter.next[p]) {
			continue // neither a token nor a chance of one
		}
		m.want[p]++
		o.want[p]++
	}
}

// cut takes off what is leased already, and what is not worth asking for.
func (a *address) cut(o *order, now time.Time) {
	left := o.held
	for p := range o.want {
		have := min(left, o.want[p])
		left -= have
		if o.want[p] -= have; now.Before(a.next[p]) {
			o.want[p] = 0
		}
	}
}

// reports puts into the order what each account asks beyond its tokens, and
// what is to be told of others.
func (a *address) reports(o *order, asked map[*meter]*metered, now time.Time) {
	for m := range a.urgent {
		if asked[m] == nil {
			asked[m] = &metered{meter: m}
		}
	}
	for m, line := range asked {
		m.underWay(now)
		left := len(m.tokens)
		for p := range line.want {
			have := min(left, line.want[p])
			left -= have
			line.want[p] -= have
		}
		line.told, line.used, line.age, line.moves = m.told, m.used, now.Sub(m.usedAt), m.moves
		if line.age > hearsay {
			line.used = -1
		}
		if line.want[exchange.Live]+line.want[exchange.Backfill] == 0 {
			if m.urgent.IsZero() {
				continue
			}
			line.spare = 0
		} else {
			m.taken = 0
		}
		m.reported()
		o.meters = append(o.meters, line)
	}
	// Every lease takes the accounts in the same order, so that none waits for
	// another in a circle.
	slices.SortFunc(o.meters, func(x, y *metered) int {
		return cmp.Or(cmp.Compare(x.meter.uid, y.meter.uid), cmp.Compare(x.meter.endpoint, y.meter.endpoint))
	})
}
