package exchangesim

import "github.com/shopspring/decimal"

// order works an outline out: side, prices, quantities and fills.
func (v *view) order(st standing) order {
	o := order{draft: st.draft, progress: st.progress}
	switch {
	case st.placed != nil:
		st.placed.detail(&o)
	case st.record != nil:
		st.record.detail(v, &o)
	default:
		v.detail(&o)
	}
	if o.progress.filled > 0 {
		o.addFills(v.fills(o))
	}
	return o
}

// addFills sums fills up; the average price is exact where there is one fill.
func (o *order) addFills(list []fill) {
	o.executed = list
	weighted := decimal.Zero
	for _, f := range list {
		o.filled, o.value = o.filled.Add(f.qty), o.value.Add(f.value)
		weighted = weighted.Add(f.price.Mul(f.qty))
	}
	if o.filled.IsPositive() {
		o.avg = weighted.DivRound(o.filled, 18)
	}
}

func (v *view) detail(o *order) {
	s := o.seed
	o.side = "Buy"
	if s.named("side").oneIn(2) {
		o.side = "Sell"
	}
	scale := o.symbol.qtyScale()
	o.qty = notionalQty(o.symbol, s.named("notional").between(200, 5_000)).
		Add(decimal.New(s.named("lot").below(100), -scale)).Round(scale)
	o.qty = decimal.Max(o.qty, decimal.New(4, -scale))
	reference := o.symbol.mark(o.created)
	if o.fate.conditional {
		o.trigger = v.away(*o, reference, s.named("trigger").between(100, 400))
	}
	if !o.fate.market {
		o.price = v.away(*o, reference, s.named("price").between(5, 300))
	}
	o.quoted = o.symbol.category == spot && o.fate.market && o.side == "Buy"
	if o.quoted {
		o.qty = decimal.New(s.named("notional").between(200, 5_000), 0)
	}
	if s.named("link").oneIn(2) {
		o.link = linkID(o.id)
	}
}

// away moves a price by basis points to the patient side of the book.
func (v *view) away(o order, reference decimal.Decimal, points int64) decimal.Decimal {
	if o.side == "Buy" {
		points = -points
	}
	scale := o.symbol.coin.scale
	moved := reference.Mul(decimal.New(10_000+points, -4)).Round(scale)
	return decimal.Max(moved, decimal.New(1, -scale))
}

// fees sums the fills' fees by coin. One order in four pays part of them in
// another coin.
func (o order) fees() map[string]string {
	sums, fees := map[string]decimal.Decimal{}, map[string]string{}
	for _, f := range o.executed {
		sums[f.coin] = sums[f.coin].Add(f.fee)
	}
	for coin, sum := range sums {
		fees[coin] = sum.String()
	}
	if len(fees) > 0 && fees["MNT"] == "" && o.seed.named("second fee").oneIn(4) {
		fees["MNT"] = decimal.New(o.seed.named("mnt").between(1, 999_999_999), -10).String()
	}
	return fees
}
