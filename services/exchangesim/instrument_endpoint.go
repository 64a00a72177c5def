package exchangesim

import (
	"fmt"
	"slices"
	"time"
)

// serveInstruments answers what is listed: spot all at once, the others in
// pages that show one instant.
func serveInstruments(x *Exchange, c *call) (any, *refusal) {
	if c.query.Get("category") == spot {
		all, no := listInstruments(x, c)
		if no != nil {
			return nil, no
		}
		whole := tickerList{Category: spot, List: []any{}}
		for i := range all.total {
			whole.List = append(whole.List, all.row(i))
		}
		return whole, nil
	}
	a, no := x.answerPage(c, endpoint{pages: pageSizes{1000, 500}, list: listInstruments})
	return a.result, no
}

func listInstruments(x *Exchange, c *call) (*listing, *refusal) {
	pick, no := c.instrumentFilter()
	if no != nil {
		return nil, no
	}
	var rows []listed
	for _, category := range pick.categories() {
		for _, l := range x.world.lineup(category, c.at) {
			if pick.takes(l) {
				rows = append(rows, l)
			}
		}
	}
	if pick.symbol != "" && len(rows) == 0 {
		if _, err := x.world.findListed(pick.category, pick.symbol, c.at); err != nil {
			return nil, badParam("symbol invalid: %s", pick.symbol)
		}
	}
	return &listing{category: pick.category, total: len(rows), row: func(i int) any { return rows[i].instrument() }}, nil
}

// instrumentFilter is what narrows market/instruments-info down.
type instrumentFilter struct {
	category, symbol, base, kind string
	statuses                     []string
}

// instrumentFilter reads it. Without a status only what trades is listed, of
// options also what is about to begin or end; without a base coin options are
// those of BTC, and all with "All" (documentation of instruments-info).
func (c *call) instrumentFilter() (instrumentFilter, *refusal) {
	category, no := c.category(spot, linear, inverse, option)
	if no != nil {
		return instrumentFilter{}, no
	}
	q := c.query
	f := instrumentFilter{category: category, symbol: q.Get("symbol"), base: q.Get("baseCoin"), kind: q.Get("symbolType")}
	switch status := q.Get("status"); {
	case status == "" && category == option:
		f.statuses = []string{instrumentPreLaunch, instrumentTrading, instrumentDelivering}
	case status == "":
		f.statuses = []string{instrumentTrading}
	case slices.Contains([]string{instrumentPreLaunch, instrumentTrading, instrumentDelivering, instrumentClosed}, status):
		f.statuses = []string{status}
	default:
		return instrumentFilter{}, badParam("status invalid: %s", status)
	}
	switch {
	case category == spot:
		f.base = "" // not for spot
	case category == option && f.base == "" && f.symbol == "":
		f.base = "BTC"
	case category == option && f.base == "All":
		f.base = ""
	}
	return f, nil
}

// categories: a base coin asks for its linear and its inverse contracts
// together, whichever of the two is named.
func (f instrumentFilter) categories() []string {
	switch {
	case f.base == "" || f.symbol != "" || f.category == option:
		return []string{f.category}
	case f.category == inverse:
		return []string{inverse, linear}
	default:
		return []string{linear, inverse}
	}
}

func (f instrumentFilter) takes(l listed) bool {
	return slices.Contains(f.statuses, l.status) && f.kind == "" &&
		(f.symbol == "" || f.symbol == l.name) && (f.symbol != "" || f.base == "" || f.base == l.coin.name)
}

// Instruments gives the rows of market/instruments-info of a category at an
// instant (the zero time: now), of every status: SpotInstrument,
// ContractInstrument or OptionInstrument.
func (x *Exchange) Instruments(category string, at time.Time) ([]any, error) {
	if !slices.Contains(allCategories(), category) {
		return nil, fmt.Errorf("instruments: no category %q", category)
	}
	ms, err := x.past(at)
	if err != nil {
		return nil, fmt.Errorf("instruments: %w", err)
	}
	rows := []any{}
	for _, l := range x.world.lineup(category, ms) {
		rows = append(rows, l.instrument())
	}
	return rows, nil
}
