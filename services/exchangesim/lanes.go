package exchangesim

// A lane is a sequence of orders, one after the other, each with its cycle:
// created near the cycle's start, ended before its end. A scope has as many
// lanes as it has order slots. The first is busy; every fifth holds its orders
// for weeks, so that an order ends whose creation no recent window shows.
type lane struct {
	scope  string
	slot   int
	length int64
	seed   seed
}

func (v *view) lane(scope string, slot int) lane {
	s := v.acc.seed.named("order").named(scope).at(int64(slot))
	l := lane{scope: scope, slot: slot, seed: s}
	pace := s.named("length")
	switch {
	case slot == 0:
		l.length = day / int64(v.rows.ClosedPerDay)
	case slot%5 == 4:
		l.length = pace.between(5*day, 20*day)
	case slot%5 == 3:
		l.length = pace.between(day, 3*day)
	default:
		l.length = pace.between(4*hour, day)
	}
	return l
}

// draft is an order's outline: enough to sort and filter it, without prices.
type draft struct {
	lane    lane
	number  int64
	id      string
	symbol  symbol
	fate    fate
	created int64
	final   int64
	seed    seed
	placed  *placedOrder // instead of a lane, for an order the admin placed
	record  *chronicle   // instead of a lane, for an order of a dense history
	root    seed         // of record
}

// draft gives order n of a lane; ok is false if it would be older than the
// world.
func (v *view) draft(l lane, n int64) (d draft, ok bool) {
	turn := v.cycle(l.seed, l.length, n)
	d = draft{lane: l, number: n, seed: turn.seed, created: v.createdIn(turn)}
	life := turn.length * turn.seed.named("life").between(50, 90) / 100
	d.final = d.created + life
	if v.rows.Steady {
		d.final = v.createdIn(v.cycle(l.seed, l.length, n+1))
	}
	d.fate = v.fateOf(turn.seed, l.scope)
	if d.fate.instant {
		d.final = d.created + turn.seed.named("fill delay").between(2, 40)
	}
	if d.created < v.epoch || v.acc.empty {
		return draft{}, false
	}
	d.symbol = v.market.slotSymbol(l.scope, int(turn.seed.named("symbol").below(int64(v.rows.Positions))), d.created)
	d.id = v.orderID(l.scope, l.slot, n)
	return d, true
}

// lanes is how many there are: none beside a dense history, which is exact.
func (v *view) lanes() int {
	if len(v.histories) > 0 {
		return 0
	}
	return v.rows.OpenOrders
}

func (v *view) createdIn(turn cycle) int64 {
	return turn.start + turn.seed.named("created").below(turn.length/20)
}

// drafts gives, for each lane of a scope, the orders whose life touches
// [from, to], and those that the admin placed.
func (v *view) drafts(scope string, from, to int64) []draft {
	var list []draft
	for slot := range v.lanes() {
		l := v.lane(scope, slot)
		first := v.cycleAt(l.seed, l.length, max(from, v.epoch)).number - 1
		last := v.cycleAt(l.seed, l.length, to).number
		for n := first; n <= last; n++ {
			if d, ok := v.draft(l, n); ok && d.final >= from && d.created <= to {
				list = append(list, d)
			}
		}
	}
	for _, c := range v.past.orders {
		if c.act == orderPlaced && c.at <= to && c.placed.symbol.scope() == scope {
			list = append(list, c.placed.draft())
		}
	}
	return list
}
