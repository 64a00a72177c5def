package exchangesim

import (
	"fmt"
	"strconv"

	"github.com/shopspring/decimal"
)

// fill is one execution of an order. An order's filled quantity, value, average
// price and fees are the sums over its fills, exactly.
type fill struct {
	at     int64
	id     string
	seq    int64
	qty    decimal.Decimal
	price  decimal.Decimal
	value  decimal.Decimal
	leaves decimal.Decimal
	closed decimal.Decimal // of qty, what closed a position
	profit decimal.Decimal // of what was closed, before fees
	rate   decimal.Decimal
	fee    decimal.Decimal // above zero: paid
	coin   string          // in which the fee is paid
	maker  bool
	seed   seed
}

// fillMarks gives the steps of an order's life, up to a progress, that each
// brought a fill: when, and how much was filled then. A market order may be
// filled in two at the same instant.
func (d draft) fillMarks(p progress) []progress {
	var marks []progress
	last := int64(0)
	for _, step := range append(d.steps(), p) {
		if step.filled <= last || step.filled > p.filled || step.updated > p.updated {
			continue
		}
		if d.splits() && last == 0 {
			marks = append(marks, progress{updated: step.updated, filled: step.filled * 2 / 5})
		}
		marks = append(marks, step)
		last = step.filled
	}
	return marks
}

func (d draft) splits() bool {
	return d.fate.instant && d.fate.fills && d.record == nil && d.seed.named("split").oneIn(2)
}

// fills works out the fills of an order so far.
func (v *view) fills(o order) []fill {
	if o.record != nil {
		return o.record.fills(v, o)
	}
	reference := o.price
	if reference.IsZero() {
		reference = o.symbol.last(o.created)
	}
	var list []fill
	before := decimal.Zero
	for _, mark := range o.fillMarks(o.progress) {
		f := fill{at: mark.updated, seed: o.seed.named("fill").at(mark.filled), seq: seqBase + 2*(mark.updated-v.epoch)}
		f.price = o.fillPrice(f.seed, reference)
		total := o.shareOf(mark.filled)
		f.qty = total.Sub(before)
		if o.quoted {
			f.qty = f.qty.DivRound(f.price, 8)
		}
		f.leaves = o.qty.Sub(total)
		before = total
		list = append(list, v.settled(o, f))
	}
	return list
}

// shareOf is how much of an order so many percent are.
func (o order) shareOf(percent int64) decimal.Decimal {
	share := o.qty.Mul(decimal.New(percent, -2))
	if percent == 100 || o.quoted {
		return share
	}
	if share = share.Truncate(o.symbol.qtyScale()); share.IsZero() {
		return o.qty
	}
	return share
}

// fillPrice is a little better than the reference, with more digits than the
// tick has.
func (o order) fillPrice(s seed, reference decimal.Decimal) decimal.Decimal {
	if o.placed != nil && o.price.IsPositive() {
		return o.price // the admin means what it says
	}
	better := s.named("price").below(200_000)
	if o.side == "Buy" {
		better = -better
	}
	scale := o.symbol.coin.scale + 4
	return decimal.Max(reference.Mul(decimal.New(one+better, -8)).Round(scale), decimal.New(1, -scale))
}

// settled adds what follows from a fill's quantity and price: value, fee, the
// profit of what it closed, and its id.
func (v *view) settled(o order, f fill) fill {
	f.value = o.symbol.value(f.qty, f.price)
	f.maker = !o.price.IsZero() && !f.seed.named("taker").oneIn(4)
	f.rate = o.feeRate(f.maker)
	base := f.value
	f.coin = o.symbol.settle
	if o.symbol.category == spot {
		f.coin = o.symbol.quote
		// Fees are paid in what was bought; a maker's rebate comes in the other.
		if (o.side == "Buy") != f.rate.IsNegative() {
			f.coin, base = o.symbol.coin.name, f.qty
		}
	}
	f.fee = base.Mul(f.rate).Round(18)
	if o.closes() {
		f.closed, f.profit = f.qty, o.profit(f)
	}
	f.id = execID(o.symbol, v.acc.seed, f.seed)
	return f
}

// feeRate: makers on spot get a rebate with one order in three.
func (o order) feeRate(maker bool) decimal.Decimal {
	switch {
	case o.symbol.category != spot && maker:
		return decimal.New(2, -4)
	case o.symbol.category != spot:
		return decimal.New(55, -5)
	case maker && o.seed.named("rebate").oneIn(3):
		return decimal.New(-5, -5)
	default:
		return decimal.New(1, -3)
	}
}

// execID: numbers on spot, UUIDs elsewhere.
func execID(s symbol, account, fill seed) string {
	a, b := uint64(account.named("exec").at(int64(fill))), uint64(account.named("exec tail").at(int64(fill)))
	if s.category == spot {
		return strconv.FormatUint(2_000_000_000_000_000_000+a%1_000_000_000_000_000_000, 10)
	}
	return uuid(a, b)
}

func uuid(a, b uint64) string {
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a), uint16(a>>32), a>>48&0xfff, 0x8000|uint16(b>>48)&0x3fff, b&idMask)
}
