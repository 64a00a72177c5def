package exchangesim

// market is what all accounts share: the coins, the instruments and their
// prices. It holds no state that moves.
type market struct {
	seed    seed
	coins   []coin // listed: these have instruments
	assets  []coin // what an account may hold beside stablecoins: the listed, and more if asked for
	strikes int
	usdt    coin
	usdc    coin
	settles []coin                       // of linear contracts, beyond the two
	static  map[string]map[string]symbol // category, name: what never expires
}

func newMarket(root seed, rows Rows, settles []string) *market {
	m := &market{
		seed:   root.named("market"),
		usdt:   stablecoin(root, "USDT"),
		usdc:   stablecoin(root, "USDC"),
		static: map[string]map[string]symbol{spot: {}, linear: {}, inverse: {}, option: {}},
	}
	for k := range max(rows.Symbols, rows.Assets) {
		m.assets = append(m.assets, coinAt(root, k))
	}
	m.coins = m.assets[:rows.Symbols]
	for _, name := range settles {
		m.settles = append(m.settles, stablecoin(root, name))
	}
	perStrike := 4 * min(optionCoins, len(m.coins))
	m.strikes = max(5, (rows.Positions+perStrike-1)/perStrike)
	for _, c := range m.coins {
		for _, s := range append(m.perpetuals(c), m.spotPair(c), m.perpetual(inverse, c)) {
			m.static[s.category][s.name] = s
		}
	}
	return m
}

// instruments lists what trades in a category at an instant.
func (m *market) instruments(category string, at int64) []symbol {
	var list []symbol
	for i, c := range m.coins {
		switch category {
		case spot:
			list = append(list, m.spotPair(c))
		case linear:
			list = append(list, m.perpetuals(c)...)
		case inverse:
			list = append(list, m.perpetual(inverse, c))
		case option:
			if i < optionCoins {
				list = append(list, m.options(c, at)...)
			}
		}
	}
	if category == linear || category == inverse {
		next, _ := quarterEnds(at)
		for _, c := range m.datedCoins() {
			list = append(list, m.dated(category, c, next))
		}
	}
	return list
}

// perpetuals are the linear ones of a coin, one for each coin that settles.
func (m *market) perpetuals(c coin) []symbol {
	var list []symbol
	for _, scope := range m.linearScopes() {
		list = append(list, m.perpetual(scope, c))
	}
	return list
}

// datedCoins are those that have dated futures.
func (m *market) datedCoins() []coin { return m.coins[:min(2, len(m.coins))] }

func (m *market) options(c coin, at int64) []symbol {
	next, after := quarterEnds(at)
	var list []symbol
	for _, delivery := range []int64{next, after} {
		for i := range m.strikes * 4 {
			list = append(list, m.option(c, delivery, i))
		}
	}
	return list
}

// find looks an instrument up by name.
func (m *market) find(category, name string, at int64) (symbol, bool) {
	if s, ok := m.static[category][name]; ok {
		return s, true
	}
	if category == spot {
		return symbol{}, false
	}
	for _, s := range m.instruments(category, at) {
		if s.name == name {
			return s, true
		}
	}
	return symbol{}, false
}

// slotSymbol gives the instrument that slot i of a scope trades from an
// instant on. Options are taken of the later delivery, so that a position
// which lives for days never outlives its instrument.
func (m *market) slotSymbol(scope string, i int, at int64) symbol {
	c := m.coins[i%len(m.coins)]
	switch scope {
	case spot:
		return m.spotPair(c)
	case option:
		_, after := quarterEnds(at)
		coins := min(optionCoins, len(m.coins))
		atTheMoney := m.strikes / 2 * 4
		return m.option(m.coins[i%coins], after, (atTheMoney+i/coins)%(m.strikes*4))
	default:
		return m.perpetual(scope, c)
	}
}

// coin looks an asset up by name, listed or not.
func (m *market) coin(name string) (coin, bool) {
	switch name {
	case "USDT":
		return m.usdt, true
	case "USDC":
		return m.usdc, true
	}
	for _, c := range append(m.settles[:len(m.settles):len(m.settles)], m.assets...) {
		if c.name == name {
			return c, true
		}
	}
	return coin{}, false
}
