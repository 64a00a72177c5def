package exchangesim

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// placedOrder is an order that the admin placed. It stays open until the admin
// fills or cancels it.
type placedOrder struct {
	id, link, side      string
	symbol              symbol
	price, qty, trigger decimal.Decimal
	created             int64
	seed                seed
}

// never lies beyond any instant that the exchange shows.
const never = int64(1) << 52

func (p *placedOrder) draft() draft {
	f := fate{final: statusCancelled, conditional: p.trigger.IsPositive(), market: p.price.IsZero()}
	return draft{
		id: p.id, symbol: p.symbol, created: p.created, final: never, fate: f, seed: p.seed, placed: p,
	}
}

func (p *placedOrder) detail(o *order) {
	o.side, o.price, o.qty, o.trigger, o.link = p.side, p.price, p.qty, p.trigger, p.link
}

// OrderSpec is an order for the admin to place. Price empty makes a market
// order, which stays open all the same; TriggerPrice makes it conditional.
type OrderSpec struct {
	Category     string `json:"category"`
	Symbol       string `json:"symbol"`
	Side         string `json:"side"`
	Price        string `json:"price"`
	Qty          string `json:"qty"`
	TriggerPrice string `json:"trigger_price"`
	OrderLinkID  string `json:"order_link_id"`
}

func (s OrderSpec) parse(m *market, at int64) (*placedOrder, error) {
	sym, ok := m.find(s.Category, s.Symbol, at)
	if !ok {
		return nil, fmt.Errorf("no symbol %q in category %q", s.Symbol, s.Category)
	}
	if s.Side != "Buy" && s.Side != "Sell" {
		return nil, fmt.Errorf("side must be Buy or Sell, not %q", s.Side)
	}
	p := &placedOrder{symbol: sym, side: s.Side, link: s.OrderLinkID, created: at}
	for _, f := range []struct {
		name, value string
		into        *decimal.Decimal
		needed      bool
	}{
		{"qty", s.Qty, &p.qty, true},
		{"price", s.Price, &p.price, false},
		{"trigger_price", s.TriggerPrice, &p.trigger, false},
	} {
		d, err := positive(f.name, f.value, f.needed)
		if err != nil {
			return nil, err
		}
		*f.into = d
	}
	return p, nil
}

// positive parses a decimal above zero, or nothing where nothing is allowed.
func positive(name, value string, needed bool) (decimal.Decimal, error) {
	if value == "" && !needed {
		return decimal.Zero, nil
	}
	d, err := decimal.NewFromString(value)
	if err != nil {
		return decimal.Zero, fmt.Errorf("%s must be a decimal number, not %q", name, value)
	}
	if !d.IsPositive() {
		return decimal.Zero, fmt.Errorf("%s must be above zero, not %q", name, value)
	}
	return d, nil
}
