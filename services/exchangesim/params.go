package exchangesim

import (
	"slices"
	"strconv"
	"strings"
)

// category reads the category parameter, which every list demands.
func (c *call) category(allowed ...string) (string, *refusal) {
	got := c.query.Get("category")
	switch {
	case got == "":
		return "", badParam("category is required")
	case !slices.Contains(allowed, got):
		return "", badParam("category invalid: %s; it must be one of %s", got, strings.Join(allowed, ", "))
	default:
		return got, nil
	}
}

// selection is what narrows a list down. symbol wins over baseCoin, and that
// over settleCoin.
type selection struct{ category, symbol, base, settle string }

// selection reads it. linear needs one of the three, or none if byID is set.
func (c *call) selection(byID bool, allowed ...string) (selection, *refusal) {
	category, no := c.category(allowed...)
	if no != nil {
		return selection{}, no
	}
	q := c.query
	s := selection{category: category, symbol: q.Get("symbol"), base: q.Get("baseCoin"), settle: q.Get("settleCoin")}
	switch {
	case category == spot && s.settle != "":
		return selection{}, badParam("settleCoin is not supported for spot")
	case category == option && s.settle != "" && s.settle != "USDT" && s.settle != "USDC":
		return selection{}, badParam("settleCoin invalid: %s", s.settle)
	case category == linear && !byID && s.symbol == "" && s.base == "" && s.settle == "":
		return selection{}, badParam("symbol or settleCoin or baseCoin is required for linear")
	}
	return s, nil
}

func (s selection) takes(sym symbol) bool {
	switch {
	case s.symbol != "":
		return sym.name == s.symbol
	case s.base != "":
		return sym.coin.name == s.base
	default:
		return s.settle == "" || sym.settle == s.settle
	}
}

// scopes gives the scopes that a selection may touch.
func (s selection) scopes(m *market) []string {
	if s.category != linear {
		return []string{s.category}
	}
	if s.settle != "" && s.symbol == "" && s.base == "" {
		return slices.DeleteFunc(m.linearScopes(), func(scope string) bool { return scope != "linear:"+s.settle })
	}
	return m.linearScopes()
}

// window reads startTime and endTime, in Unix milliseconds, both inclusive:
// both at most 7 days apart; one of them means 7 days from it; none the last
// 7 days.
func (c *call) window() (from, to int64, no *refusal) { return c.windowOf(maxWindow, maxWindow) }

// windowOf does so for a span of at most so long, and the usual one where a
// bound is missing.
func (c *call) windowOf(most, usual int64) (from, to int64, no *refusal) {
	from, hasFrom, no := c.stamp64("startTime")
	if no != nil {
		return 0, 0, no
	}
	to, hasTo, no := c.stamp64("endTime")
	if no != nil {
		return 0, 0, no
	}
	switch {
	case hasFrom && hasTo:
	case hasFrom:
		to = from + usual
	case hasTo:
		from = to - usual
	default:
		from, to = c.at-usual, c.at
	}
	switch {
	case from > to:
		return 0, 0, badParam("startTime must not be after endTime")
	case to-from > most:
		return 0, 0, refuse(codeParams, "The time range between startTime and endTime cannot exceed %d days", most/day)
	case from < c.at-historyDepth:
		return 0, 0, badParam("startTime cannot be more than 2 years ago")
	}
	return from, to, nil
}

func (c *call) stamp64(name string) (at int64, given bool, no *refusal) {
	sent := c.query.Get(name)
	if sent == "" {
		return 0, false, nil
	}
	at, err := strconv.ParseInt(sent, 10, 64)
	if err != nil || at < 0 || at >= never {
		return 0, false, badParam("%s must be a time in milliseconds", name)
	}
	return at, true, nil
}
