package exchangesim

// ledgerPick narrows a log down; empty fields do not.
type ledgerPick struct {
	wallet                         string
	category, currency, base, kind string
}

// legs gives the currencies in which a fill of a symbol has rows.
func (p ledgerPick) legs(s symbol) []string {
	if p.category != "" && p.category != s.category || p.base != "" && p.base != s.coin.name || p.kind != "" && p.kind != ledgerTrade {
		return nil
	}
	legs := []string{s.settle}
	if s.category == spot {
		legs = []string{s.coin.name, s.quote}
	}
	if p.currency == "" {
		return legs
	}
	for _, leg := range legs {
		if leg == p.currency {
			return []string{leg}
		}
	}
	return nil
}

func (p ledgerPick) settles(s symbol) bool {
	return (p.category == "" || p.category == s.category) && (p.base == "" || p.base == s.coin.name) &&
		(p.currency == "" || p.currency == s.settle)
}

// ledger gives a wallet's log within [from, to].
func (v *view) ledger(pick ledgerPick, owner profile, from, to int64) timeline {
	rows := tradeRows{legs: pick.legs, row: func(o order, f fill, leg string) any { return v.tradeRow(o, f, leg) }}
	var list []entry
	for _, scope := range v.market.orderScopes() {
		if owner.walletOf(scope) != pick.wallet {
			continue
		}
		list = append(list, v.tradeEntries(scope, from, to, rows)...)
		if pick.kind != "" && pick.kind != ledgerSettlement {
			continue
		}
		for _, f := range v.fundings(scope, from, to) {
			if pick.settles(f.symbol) {
				list = append(list, entry{at: f.at, row: func() any { return v.settlementRow(f) }})
			}
		}
	}
	t := timeline{gathered(append(list, v.transfers(pick, owner, from, to)...))}
	for i := range v.histories {
		if h := &v.histories[i]; owner.walletOf(h.symbol.scope()) == pick.wallet {
			t = append(t, h.tradeSeries(v, from, to, rows))
		}
	}
	return t
}

func (v *view) transfers(pick ledgerPick, owner profile, from, to int64) []entry {
	if pick.category != "" || pick.base != "" {
		return nil
	}
	var list []entry
	for _, c := range v.cashes(cashTransfer, owner, from, to) {
		if c.from != pick.wallet && c.to != pick.wallet || pick.currency != "" && pick.currency != c.coin.name {
			continue
		}
		if row := v.transferRow(c, pick.wallet); pick.kind == "" || pick.kind == row.Type {
			list = append(list, entry{at: c.at, row: func() any { return row }})
		}
	}
	return list
}

func (c *call) ledgerPick(wallet string) ledgerPick {
	q := c.query
	return ledgerPick{
		wallet: wallet, category: q.Get("category"), currency: q.Get("currency"), base: q.Get("baseCoin"), kind: q.Get("type"),
	}
}

// listTransactions answers the unified wallet's log: without bounds the last
// 24 hours.
func listTransactions(_ *Exchange, c *call) (*listing, *refusal) {
	switch kind := c.query.Get("accountType"); {
	case !c.owner.has(walletUnified):
		return nil, refuse(codeUpgrade, "Please upgrade to UTA first")
	case kind != "" && kind != walletUnified:
		return nil, refuse(codeParams, "accountType only support UNIFIED.")
	}
	return c.log(walletUnified)
}

// listContractTransactions answers the log of the wallet that classic and
// unified 1.0 accounts have for contracts.
func listContractTransactions(_ *Exchange, c *call) (*listing, *refusal) {
	if !c.owner.has(walletContract) {
		return nil, refuse(codeClassicOnly, "The API cannot be accessed by unified account users.")
	}
	return c.log(walletContract)
}

func (c *call) log(wallet string) (*listing, *refusal) {
	from, to, no := c.windowOf(maxWindow, day)
	if no != nil {
		return nil, no
	}
	return c.indexed.ledger(c.ledgerPick(wallet), c.owner, from, to).listing("", c.trails()), nil
}
