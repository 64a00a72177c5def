package exchangesim

import (
	"github.com/shopspring/decimal"
)

const fundingEvery = 8 * hour

// funding is what an open position in a perpetual pays or receives at 00:00,
// 08:00 and 16:00 UTC.
type funding struct {
	at     int64
	symbol symbol
	idx    int
	side   string
	size   decimal.Decimal
	mark   decimal.Decimal
	seed   seed
}

func (f funding) rate() decimal.Decimal {
	return decimal.New(f.symbol.seed.named("funding").at(f.at).between(-300, 500), -6)
}

func (f funding) value() decimal.Decimal { return f.symbol.value(f.size, f.mark) }

// fee is above zero where the position pays: a long one at a rate above zero.
func (f funding) fee() decimal.Decimal {
	fee := f.value().Mul(f.rate()).Round(12)
	if f.side == "Sell" {
		return fee.Neg()
	}
	return fee
}

func (f funding) orderID() string {
	return uuid(uint64(f.seed.named("order")), uint64(f.seed.named("order tail")))
}

func (f funding) execID() string {
	return uuid(uint64(f.seed.named("exec")), uint64(f.seed.named("exec tail")))
}

// fundings lists the fundings of a scope within [from, to], oldest first.
func (v *view) fundings(scope string, from, to int64) []funding {
	category := categoryOf(scope)
	if category != linear && category != inverse {
		return nil
	}
	var list []funding
	first := floorDiv(max(from, v.epoch)+fundingEvery-1, fundingEvery) * fundingEvery
	for at := first; at <= min(to, v.frame); at += fundingEvery {
		list = append(list, v.fundingsAt(scope, at)...)
	}
	return list
}

func (v *view) fundingsAt(scope string, at int64) []funding {
	if len(v.histories) > 0 {
		return v.recordedFunding(scope, at)
	}
	var list []funding
	for _, p := range v.world.view(v.acc, at, v.past).positions(scope) {
		if p.symbol.kind == kindPerpetual {
			list = append(list, v.newFunding(p.symbol, p.idx, p.side, p.size, at))
		}
	}
	return list
}

// recordedFunding is that of the dense histories: one position in each
// perpetual.
func (v *view) recordedFunding(scope string, at int64) []funding {
	var list []funding
	for i := range v.histories {
		h := &v.histories[i]
		within := at >= h.begins() && at < h.ends()
		if !v.funded || !within || h.symbol.scope() != scope || h.symbol.kind != kindPerpetual {
			continue
		}
		s := h.seed(v).named("funding").at(at)
		side := "Buy"
		if s.named("side").oneIn(2) {
			side = "Sell"
		}
		size := decimal.New(s.named("size").between(1, 100_000), -h.symbol.qtyScale())
		list = append(list, v.newFunding(h.symbol, 0, side, size, at))
	}
	return list
}

func (v *view) newFunding(s symbol, idx int, side string, size decimal.Decimal, at int64) funding {
	return funding{
		at: at, symbol: s, idx: idx, side: side, size: size, mark: s.mark(v.world.frame(at)),
		seed: v.acc.seed.named("funding").named(s.category).named(s.name).at(int64(idx), at),
	}
}
