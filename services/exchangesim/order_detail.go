package exchangesim

import "github.com/shopspring/decimal"

// order works an outline out: side, prices, quantities and fills.
func (v *view) order(st standing) order {
	o := order{draft: st.draft, progress: st.progress}
	if st.placed != nil {
		st.placed.detail(&o)
	} else {
		v.detail(&o)
	}
	if o.progress.filled == 0 {
		return o
	}
	reference := o.price
	if reference.IsZero() {
		reference = o.symbol.last(o.created)
	}
	o.avg = v.averagePrice(o, reference)
	share := decimal.New(o.progress.filled, -2)
	if o.quoted {
		o.filled = o.qty.Mul(share).DivRound(o.avg, 8)
		return o
	}
	o.filled = o.qty.Mul(share).Truncate(o.symbol.qtyScale())
	if o.filled.IsZero() {
		o.filled = o.qty
	}
	return o
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

// averagePrice is a little better than the limit, with more digits than the
// tick has, as averages do.
func (v *view) averagePrice(o order, reference decimal.Decimal) decimal.Decimal {
	better := o.seed.named("average").at(o.progress.filled).below(200_000)
	if o.side == "Buy" {
		better = -better
	}
	avg := reference.Mul(decimal.New(one+better, -8)).Round(o.symbol.coin.scale + 4)
	return decimal.Max(avg, decimal.New(1, -o.symbol.coin.scale-4))
}

// fees are paid in the settle coin; on spot in what was bought. One order in
// four pays part of them in another coin.
func (o order) fees() map[string]string {
	fees := map[string]string{}
	if o.filled.IsZero() {
		return fees
	}
	coin, base := o.symbol.settle, o.symbol.value(o.filled, o.avg)
	if o.symbol.category == spot {
		coin = o.symbol.quote
		if o.side == "Buy" {
			coin, base = o.symbol.coin.name, o.filled
		}
	}
	fees[coin] = base.Mul(decimal.New(6, -4)).Round(12).String()
	if o.seed.named("second fee").oneIn(4) && coin != "MNT" {
		fees["MNT"] = decimal.New(o.seed.named("mnt").between(1, 999_999_999), -10).String()
	}
	return fees
}
