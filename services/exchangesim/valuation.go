package exchangesim

import "github.com/shopspring/decimal"

// valuation is what the market makes of a position at a frame, in its settle
// coin.
type valuation struct {
	mark, value, pnl, im, mm decimal.Decimal
}

func (p position) worth(frame int64) valuation {
	v := valuation{mark: p.symbol.mark(frame)}
	sign := decimal.NewFromInt(1)
	if p.side == "Sell" {
		sign = decimal.NewFromInt(-1)
	}
	if p.symbol.category == inverse {
		v.value = p.size.DivRound(p.avg, 8)
		v.pnl = v.value.Sub(p.size.DivRound(v.mark, 8)).Mul(sign)
	} else {
		v.value = p.size.Mul(p.avg)
		v.pnl = v.mark.Sub(p.avg).Mul(p.size).Mul(sign)
	}
	v.im = v.value.DivRound(decimal.NewFromInt(p.leverage), 8)
	v.mm = v.value.Mul(decimal.New(5, -3)).Round(8)
	return v
}

// optionValue is what an option position counts in its wallet's equity.
func (p position) optionValue(frame int64) decimal.Decimal {
	if p.symbol.kind != kindOption {
		return decimal.Zero
	}
	value := p.symbol.mark(frame).Mul(p.size)
	if p.side == "Sell" {
		return value.Neg()
	}
	return value
}

// greeks are plausible, not modelled: delta follows the distance from the
// money, the others shrink with it.
func (p position) greeks(frame int64) (delta, gamma, vega, theta string) {
	d, g, v, t := p.symbol.greeks(frame)
	size := p.size
	if p.side == "Sell" {
		size = size.Neg()
	}
	return d.Mul(size).StringFixed(8), g.Mul(size).StringFixed(8), v.Mul(size).StringFixed(8), t.Mul(size).StringFixed(8)
}

func (s symbol) greeks(frame int64) (delta, gamma, vega, theta decimal.Decimal) {
	under := s.coin.index(frame)
	tilt := under.Sub(s.strike).DivRound(under, 8)
	limit := decimal.New(49, -2)
	tilt = decimal.Max(limit.Neg(), decimal.Min(limit, tilt))
	delta = decimal.New(5, -1).Add(tilt)
	if !s.call {
		delta = delta.Sub(decimal.NewFromInt(1))
	}
	near := limit.Sub(tilt.Abs())
	gamma = near.DivRound(under, 8)
	vega = near.Mul(under).Mul(decimal.New(2, -3)).Round(8)
	theta = vega.Neg().Mul(decimal.New(4, -1)).Round(8)
	return delta, gamma, vega, theta
}
