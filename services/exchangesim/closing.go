package exchangesim

import "github.com/shopspring/decimal"

// closes tells whether an order closed a position: half of those in perpetuals
// and futures do.
func (o order) closes() bool {
	if o.symbol.category == spot || o.symbol.category == option {
		return false
	}
	if o.record != nil {
		return o.number%2 == 1
	}
	return o.seed.named("closes").oneIn(2)
}

// entry is the average price at which what an order closed had been opened.
func (o order) entry() decimal.Decimal {
	reference := o.price
	if reference.IsZero() {
		reference = o.symbol.last(o.created)
	}
	return reference.Mul(decimal.New(10_000+o.seed.named("entry").between(-300, 300), -4))
}

// profit is what closing a fill's quantity brought, in the settle coin, before
// fees. A sell closes a long position.
func (o order) profit(f fill) decimal.Decimal {
	gain := f.value.Sub(o.symbol.value(f.qty, o.entry()))
	if (o.side == "Sell") == (o.symbol.category == inverse) {
		return gain.Neg() // inverse contracts are worth less of the coin at a higher price
	}
	return gain
}
