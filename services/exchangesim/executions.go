package exchangesim

// tradeRows makes the rows of one fill. A fill of a symbol has a row for each
// leg: one in execution/list, up to two in a log, none if it is not asked for.
type tradeRows struct {
	legs func(s symbol) []string
	row  func(o order, f fill, leg string) any
}

// tradeEntries gives the rows of the fills of lanes and of the admin's orders in a
// scope, within [from, to]. No price is computed before its row is asked for.
func (v *view) tradeEntries(scope string, from, to int64, rows tradeRows) []entry {
	var list []entry
	for _, d := range v.drafts(scope, from, to) {
		p, ok := v.progressOf(d)
		legs := rows.legs(d.symbol)
		if !ok || p.filled == 0 || len(legs) == 0 {
			continue
		}
		for i, mark := range d.fillMarks(p) {
			if mark.updated < from || mark.updated > to {
				continue
			}
			for _, leg := range legs {
				list = append(list, entry{at: mark.updated, row: func() any {
					o := v.order(standing{draft: d, progress: p})
					return rows.row(o, o.executed[i], leg)
				}})
			}
		}
	}
	return list
}

// tradeSeries gives the rows of the fills of a dense history.
func (h *chronicle) tradeSeries(v *view, from, to int64, rows tradeRows) series {
	legs := rows.legs(h.symbol)
	count := int64(len(legs))
	if count == 0 {
		return series{}
	}
	s := h.seed(v)
	line := series{first: h.first, past: h.upTo(s, v.frame), at: func(n int64) int64 { return h.at(s, n) }}
	line = line.between(from, to)
	last := order{draft: draft{number: -1}} // rows that follow one another are often of one order
	fillOf := func(n int64) (order, fill) {
		if number := h.orderOf(s, n); last.number != number || last.record == nil {
			d := h.draft(v, number)
			p, _ := v.progressOf(d)
			last = v.order(standing{draft: d, progress: p})
		}
		begin, _ := h.of(s, last.number)
		return last, last.executed[n-begin]
	}
	return series{
		first: line.first * count, past: line.past * count,
		at: func(n int64) int64 { return h.at(s, floorDiv(n, count)) },
		row: func(n int64) any {
			o, f := fillOf(floorDiv(n, count))
			return rows.row(o, f, legs[n-floorDiv(n, count)*count])
		},
	}
}

// executions gives the fills and fundings of a selection within [from, to];
// kind narrows them down to one execType.
func (v *view) executions(pick selection, from, to int64, kind string) timeline {
	var t timeline
	var list []entry
	rows := tradeRows{row: func(o order, f fill, _ string) any { return v.executionRow(o, f) }}
	rows.legs = func(s symbol) []string {
		if !pick.takes(s) {
			return nil
		}
		return []string{""}
	}
	for _, scope := range pick.scopes(v.market) {
		if kind != execFunding {
			list = append(list, v.tradeEntries(scope, from, to, rows)...)
		}
		if kind != "" && kind != execFunding {
			continue
		}
		for _, f := range v.fundings(scope, from, to) {
			if pick.takes(f.symbol) {
				list = append(list, entry{at: f.at, row: func() any { return v.fundingExecution(f) }})
			}
		}
	}
	natural := gathered(list)
	if kind != "" && kind != execFunding {
		natural = natural.where(func(n int64) bool { return natural.row(n).(ExecutionRow).ExecType == kind })
	}
	t = append(t, natural)
	for i := range v.histories {
		h := &v.histories[i]
		if pick.category == h.symbol.category && (kind == "" || kind == execTrade) {
			t = append(t, h.tradeSeries(v, from, to, rows))
		}
	}
	return t
}
