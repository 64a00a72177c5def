package exchangesim

import (
	"slices"

	"github.com/shopspring/decimal"
)

// seqBase lies beyond 2^53: a client that decodes seq into a float loses it.
const seqBase = int64(9_007_199_254_740_993)

// position is what a position is, without what the market makes of it.
type position struct {
	symbol    symbol
	idx       int // 0 one-way, 1 and 2 the legs of hedge mode
	side      string
	size      decimal.Decimal
	avg       decimal.Decimal
	leverage  int64
	opened    int64
	updated   int64
	seq       int64
	realised  decimal.Decimal // since it was opened
	earlier   decimal.Decimal // before
	liquidity bool            // whether a liquidation price is known
	seed      seed
}

// positions lists the open positions of a scope.
func (v *view) positions(scope string) []position {
	var list []position
	taken := map[string]bool{}
	for slot := range v.rows.Positions {
		p, open := v.slotPosition(scope, slot)
		if c, ok := v.past.position(p.symbol.category, p.symbol.name, p.idx, v.at); ok {
			p, open = v.changed(c)
		}
		key := positionKey(p.symbol.category, p.symbol.name, p.idx)
		if open && !taken[key] {
			taken[key] = true
			list = append(list, p)
		}
	}
	list = append(list, v.openedPositions(scope, taken)...)
	if v.acc.seed.named("order of legs").oneIn(2) {
		slices.Reverse(list)
	}
	return list
}

// openedPositions are those that the admin opened beside the account's own.
func (v *view) openedPositions(scope string, taken map[string]bool) []position {
	var list []position
	for _, c := range v.past.positions {
		key := positionKey(c.category, c.symbol, c.idx)
		if c.at > v.at || taken[key] {
			continue
		}
		last, _ := v.past.position(c.category, c.symbol, c.idx, v.at)
		p, open := v.changed(last)
		if open && p.symbol.scope() == scope {
			taken[key] = true
			list = append(list, p)
		}
	}
	return list
}

func positionKey(category, symbol string, idx int) string {
	return category + "/" + symbol + "/" + string(rune('0'+idx))
}

func (v *view) changed(c positionChange) (position, bool) {
	if c.opened == nil {
		return position{}, false
	}
	return *c.opened, true
}

// hedged tells whether positions of a scope have two legs for this account.
func (v *view) hedged(scope string) bool { return v.acc.hedge && scope == "linear:USDT" }

// slotPosition gives what slot i of a scope holds: a symbol that is traded
// again and again, each time for part of a cycle of minutes to hours. open is
// false between two times.
func (v *view) slotPosition(scope string, i int) (position, bool) {
	s := v.acc.seed.named("position").named(scope).at(int64(i))
	turn := v.cycleAt(s, s.named("length").between(30*minute, 8*hour), v.frame)
	p := position{symbol: v.market.slotSymbol(scope, i, turn.start), seed: turn.seed}
	if v.hedged(scope) {
		p.symbol = v.market.slotSymbol(scope, i/2, turn.start)
		p.idx = 1 + i%2
	}
	p.opened = turn.start + turn.seed.named("open").below(turn.length/5)
	closed := turn.start + turn.length*turn.seed.named("close").between(60, 95)/100
	open := p.opened <= v.frame && v.frame < closed && p.opened >= v.epoch &&
		!v.acc.empty && !turn.seed.named("idle").oneIn(6)
	if v.rows.Steady {
		p.opened, open = max(turn.start, v.epoch), true
	}
	v.fill(&p, turn)
	return p, open
}

// fill draws the trades of a position: its size and entry change in steps.
func (v *view) fill(p *position, turn cycle) {
	s := turn.seed
	p.side = "Buy"
	if p.idx == 2 || p.idx == 0 && s.named("side").oneIn(2) {
		p.side = "Sell"
	}
	pace := s.named("pace").between(minute, 10*minute)
	step := max(0, v.frame-p.opened) / pace
	p.updated = p.opened + step*pace
	scale := p.symbol.qtyScale()
	p.size = notionalQty(p.symbol, s.named("notional").between(500, 20_000)).
		Mul(decimal.New(100+s.named("size").at(step).below(60), -2)).Round(scale)
	p.size = decimal.Max(p.size, decimal.New(1, -scale))
	p.avg = p.symbol.mark(p.updated).Mul(decimal.New(one+s.named("entry").at(step).between(-400_000, 400_000), -8)).Round(8)
	if !p.avg.IsPositive() {
		p.avg = decimal.New(1, -p.symbol.coin.scale)
	}
	p.leverage = s.named("leverage").between(2, 25)
	p.seq = seqBase + 2*(p.updated-v.epoch)
	p.realised = decimal.New(s.named("realised").at(step).between(-9_999_999, 9_999_999), -6)
	p.earlier = decimal.New(s.named("earlier").between(-99_999_999_999, 99_999_999_999), -8)
	p.liquidity = !s.named("liquidation").oneIn(3)
}

// notionalQty is how much of a symbol so many dollars are, at its base price.
func notionalQty(s symbol, dollars int64) decimal.Decimal {
	d := decimal.NewFromInt(dollars)
	switch {
	case s.category == inverse:
		return d
	case s.kind == kindOption:
		return d.DivRound(decimal.NewFromInt(10_000), 2)
	default:
		return d.DivRound(decimal.New(s.coin.base, -s.coin.scale), s.qtyScale()+2)
	}
}
