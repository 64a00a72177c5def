package exchangesim

// listExecutions answers fills and fundings, newest first. With an order's id
// no other filter counts.
func listExecutions(_ *Exchange, c *call) (*listing, *refusal) {
	id, link := c.query.Get("orderId"), c.query.Get("orderLinkId")
	pick, no := c.selection(true, allCategories()...)
	if no != nil {
		return nil, no
	}
	if no := c.served(pick.category); no != nil {
		return nil, no
	}
	if id != "" || link != "" {
		return c.executionsOf(pick.category, id, link), nil
	}
	if pick.category == option && pick.symbol == "" && pick.base == "" && pick.settle == "" {
		pick.base = "BTC"
	}
	from, to, no := c.window()
	if no != nil {
		return nil, no
	}
	return c.indexed.executions(pick, from, to, c.query.Get("execType")).listing(pick.category, c.trails()), nil
}

// executionsOf lists the fills of one order.
func (c *call) executionsOf(category, id, link string) *listing {
	var list []entry
	for _, s := range c.byID(category, id, link, func(standing) bool { return true }) {
		o := c.view.order(s)
		for _, f := range o.executed {
			list = append(list, entry{at: f.at, row: func() any { return c.view.executionRow(o, f) }})
		}
	}
	return timeline{gathered(list)}.listing(category, c.trails())
}
