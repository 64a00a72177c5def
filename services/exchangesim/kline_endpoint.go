package exchangesim

import (
	"slices"
)

type candleList struct {
	Category string      `json:"category"`
	Symbol   string      `json:"symbol"`
	List     []CandleRow `json:"list"`
}

// serveKline answers candles, newest first; the newest may still be open. With
// a start alone they are the first ones from there on, else the last ones up to
// end. start means the candle that it falls into.
func serveKline(x *Exchange, c *call) (any, *refusal) {
	l, i, no := c.candlesOf(x)
	if no != nil {
		return nil, no
	}
	most, no := c.limit(pageSizes{1000, 200})
	if no != nil {
		return nil, no
	}
	from, hasFrom, no := c.stamp64("start")
	if no != nil {
		return nil, no
	}
	to, hasTo, no := c.stamp64("end")
	if no != nil {
		return nil, no
	}
	if !hasTo {
		to = c.at
	} else if from > to {
		return nil, badParam("start must not be after end")
	}
	rows := x.world.candles(l, i, from, to, c.at, c.faultedSize(most), hasFrom && !hasTo)
	slices.Reverse(rows)
	if rows == nil {
		rows = []CandleRow{}
	}
	return candleList{Category: l.category, Symbol: l.name, List: rows}, nil
}

// candlesOf reads whose candles are asked for, and how long they are.
func (c *call) candlesOf(x *Exchange) (listed, interval, *refusal) {
	category := linear
	if c.query.Get("category") != "" {
		given, no := c.category(spot, linear, inverse)
		if no != nil {
			return listed{}, "", no
		}
		category = given
	}
	name, i := c.query.Get("symbol"), interval(c.query.Get("interval"))
	switch {
	case name == "":
		return listed{}, "", badParam("symbol is required")
	case !slices.Contains(intervals(), i):
		return listed{}, "", badParam("interval invalid: %s", i)
	}
	l, err := x.world.findListed(category, name, c.at)
	if err != nil {
		return listed{}, "", badParam("symbol invalid: %s", name)
	}
	return l, i, nil
}
