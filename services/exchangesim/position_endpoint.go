package exchangesim

// listPositions answers open positions; asked for a symbol, also its legs that
// hold nothing, and then the only page has a cursor.
func listPositions(x *Exchange, c *call) (*listing, *refusal) {
	pick, no := c.selection(false, linear, inverse, option)
	if no != nil {
		return nil, no
	}
	if pick.category == linear && pick.symbol == "" && pick.settle == "" {
		return nil, badParam("symbol or settleCoin is required for linear")
	}
	if pick.category != option {
		pick.base = "" // for option only
	}
	if no := c.served(pick.category); no != nil {
		return nil, no
	}
	rows := []PositionRow{}
	for _, scope := range pick.scopes(x.world.market) {
		for _, p := range c.view.positions(scope) {
			if pick.takes(p.symbol) {
				rows = append(rows, c.view.positionRow(p))
			}
		}
	}
	trails := c.trails()
	if pick.symbol != "" {
		s, known := x.world.market.find(pick.category, pick.symbol, c.at)
		if !known {
			return nil, badParam("symbol invalid: %s", pick.symbol)
		}
		rows, trails = c.view.withFlatLegs(rows, s), true
	}
	return &listing{
		category: pick.category, total: len(rows), trails: trails,
		row: func(i int) any { return rows[i] },
	}, nil
}

// withFlatLegs adds the legs of a symbol that hold nothing.
func (v *view) withFlatLegs(rows []PositionRow, s symbol) []PositionRow {
	legs := []int{0}
	if v.hedged(s.scope()) {
		legs = []int{2, 1} // the order of legs is not to be relied upon
	}
	for _, idx := range legs {
		found := false
		for _, row := range rows {
			found = found || row.PositionIdx == idx
		}
		if !found {
			rows = append(rows, v.flatRow(s, idx, v.trades(s)))
		}
	}
	return rows
}

// trades tells whether the account ever trades a symbol.
func (v *view) trades(s symbol) bool {
	for i := range v.rows.Positions {
		if p, _ := v.slotPosition(s.scope(), i); p.symbol.name == s.name {
			return true
		}
	}
	return false
}
