package exchangesim

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"
)

// order is one order as it stands at an instant.
type order struct {
	draft
	progress
	side  string
	price decimal.Decimal // zero for a market order
	qty   decimal.Decimal
	// quoted: qty is an amount of the quote coin (a spot market buy).
	quoted  bool
	trigger decimal.Decimal // zero without a condition
	avg     decimal.Decimal // zero without fills
	filled  decimal.Decimal
	value   decimal.Decimal // of what is filled
	link    string
	// executed are its fills, oldest first.
	executed []fill
}

func (o order) open() bool {
	return o.status == statusNew || o.status == statusPartiallyFilled || o.status == statusUntriggered
}

func (o order) leavesQty() decimal.Decimal {
	switch o.status {
	case statusRejected, statusDeactivated:
		return o.qty
	case statusNew, statusPartiallyFilled, statusUntriggered:
		return o.qty.Sub(o.filled)
	default:
		return decimal.Zero
	}
}

func (o order) leavesValue() decimal.Decimal { return o.symbol.value(o.leavesQty(), o.price) }

// value of a quantity at a price, in the quote coin; of an inverse contract in
// its base coin.
func (s symbol) value(qty, price decimal.Decimal) decimal.Decimal {
	if s.category != inverse {
		return qty.Mul(price)
	}
	if price.IsZero() {
		return decimal.Zero
	}
	return qty.DivRound(price, 8)
}

// progressOf tells where an order is, with what the admin did to it. ok is
// false before it exists and after it was forgotten.
func (v *view) progressOf(d draft) (p progress, ok bool) {
	at := v.frame
	if d.placed != nil {
		at = v.at
	}
	for _, step := range d.steps() {
		if step.updated <= at {
			p, ok = step, true
		}
	}
	if len(v.past.orders) == 0 {
		return p, ok
	}
	for _, c := range v.past.order(d.id, v.at) {
		switch c.act {
		case orderForgotten:
			return progress{}, false
		case orderFilled:
			p = progress{status: statusFilled, updated: c.at, filled: 100}
			return p, v.remembered(d)
		case orderCancelled:
			before := v.before(d, c.at)
			p = progress{status: cancelledStatus(d.symbol, before.filled), updated: c.at, filled: before.filled}
			return p, v.remembered(d)
		case orderPlaced:
		}
	}
	return p, ok
}

// before gives an order's natural progress at the instant of a change.
func (v *view) before(d draft, at int64) progress {
	var p progress
	for _, step := range d.steps() {
		if step.updated <= v.world.frame(at) {
			p = step
		}
	}
	return p
}

// remembered is false if a later change made the exchange forget the order.
func (v *view) remembered(d draft) bool {
	for _, c := range v.past.order(d.id, v.at) {
		if c.act == orderForgotten {
			return false
		}
	}
	return true
}

func cancelledStatus(s symbol, filled int64) string {
	if s.category == spot && filled > 0 {
		return statusPartiallyFilledCanceled
	}
	return statusCancelled
}

// standing is a draft with its progress: what lists are filtered and sorted by.
type standing struct {
	draft
	progress
}

// alive gives every order of a scope whose life touches [from, to], also those
// of dense histories.
func (v *view) alive(scope string, from, to int64) []standing {
	list := append(v.standings(scope, from, to), v.touching(scope, from, to)...)
	sortNewestFirst(list)
	return list
}

// standings gives every order of a scope's lanes, and every one that the
// admin placed, whose life touches [from, to], as it stands now, newest first.
func (v *view) standings(scope string, from, to int64) []standing {
	var list []standing
	for _, d := range v.drafts(scope, from, to) {
		if p, ok := v.progressOf(d); ok {
			list = append(list, standing{draft: d, progress: p})
		}
	}
	sortNewestFirst(list)
	return list
}

func sortNewestFirst(list []standing) {
	slices.SortFunc(list, func(a, b standing) int {
		return cmp.Or(cmp.Compare(b.created, a.created), cmp.Compare(a.id, b.id))
	})
}

// open lists the orders of a scope that have not ended.
func (v *view) open(scope string) []standing {
	var list []standing
	for _, s := range v.alive(scope, v.frame, v.at) {
		if !s.ended() {
			list = append(list, s)
		}
	}
	return list
}

func (v *view) openOrders(scope string) []order {
	var list []order
	for _, s := range v.open(scope) {
		list = append(list, v.order(s))
	}
	return list
}
