package exchangesim

import "github.com/shopspring/decimal"

// wallet is one of an account's wallets: its holdings, valued, with what
// positions and orders bind of them.
type wallet struct {
	coins []walletCoin
}

type walletCoin struct {
	holding
	equity, usd, pnl, locked, positionIM, positionMM, orderIM decimal.Decimal
	price                                                     decimal.Decimal
}

// binding is what positions and orders do to one coin.
type binding struct {
	pnl, optionValue, im, mm, orderIM, locked decimal.Decimal
}

func (v *view) wallet(kind string, owner profile) wallet {
	bound := v.bindings(func(scope string) bool { return owner.walletOf(scope) == kind })
	var w wallet
	for _, h := range v.holdings(kind) {
		w.coins = append(w.coins, v.valued(h, bound[h.coin.name]))
	}
	return w
}

// valued computes a coin: equity is wallet balance less what was borrowed for
// spot, plus open profit and option value, as documented.
func (v *view) valued(h holding, b *binding) walletCoin {
	c := walletCoin{holding: h, price: v.price(h.coin)}
	c.equity = h.wallet.Sub(h.borrowed)
	if b != nil {
		c.equity = c.equity.Add(b.pnl).Add(b.optionValue)
		c.pnl, c.positionIM, c.positionMM, c.orderIM = b.pnl, b.im, b.mm, b.orderIM
		c.locked = decimal.Max(decimal.Zero, decimal.Min(b.locked, h.wallet))
	}
	c.usd = c.equity.Mul(c.price).Round(8)
	return c
}

// bindings sums up what the scopes of a wallet bind.
func (v *view) bindings(within func(scope string) bool) map[string]*binding {
	bound := map[string]*binding{}
	if v.bench {
		return bound
	}
	of := func(coin string) *binding {
		if bound[coin] == nil {
			bound[coin] = &binding{}
		}
		return bound[coin]
	}
	for _, scope := range v.market.positionScopes() {
		if !within(scope) {
			continue
		}
		for _, p := range v.positions(scope) {
			b, worth := of(p.symbol.settle), p.worth(v.frame)
			b.im, b.mm = b.im.Add(worth.im), b.mm.Add(worth.mm)
			if p.symbol.kind == kindOption {
				b.optionValue = b.optionValue.Add(p.optionValue(v.frame))
				continue
			}
			b.pnl = b.pnl.Add(worth.pnl)
		}
	}
	for _, scope := range v.market.orderScopes() {
		if !within(scope) {
			continue
		}
		for _, o := range v.openOrders(scope) {
			coin, amount := o.binds()
			if o.symbol.category == spot {
				of(coin).locked = of(coin).locked.Add(amount)
			} else {
				of(coin).orderIM = of(coin).orderIM.Add(amount)
			}
		}
	}
	return bound
}

// binds gives the coin and amount that an open order reserves: all of it for
// spot, a tenth of its value as margin for derivatives. A conditional order
// reserves nothing yet.
func (o order) binds() (string, decimal.Decimal) {
	if o.status == statusUntriggered {
		return o.symbol.coin.name, decimal.Zero
	}
	switch {
	case o.symbol.category == spot && o.side == "Sell":
		return o.symbol.coin.name, o.leavesQty()
	case o.symbol.category == spot:
		return o.symbol.quote, o.leavesValue()
	default:
		return o.symbol.settle, o.leavesValue().Mul(decimal.New(1, -1)).Round(8)
	}
}
