package exchangesim

import (
	"slices"
)

// recentClosed is how many ended orders openOnly=1 shows.
const recentClosed = 500

func allCategories() []string { return []string{spot, linear, inverse, option} }

// listOpenOrders answers the orders that are open, newest first; with
// openOnly=1 the recently ended ones instead.
func listOpenOrders(_ *Exchange, c *call) (*listing, *refusal) {
	id, link := c.query.Get("orderId"), c.query.Get("orderLinkId")
	pick, no := c.selection(id != "" || link != "", allCategories()...)
	if no != nil {
		return nil, no
	}
	if no := c.unifiedOnly(); no != nil {
		return nil, no
	}
	only := c.query.Get("openOnly")
	if only != "" && only != "0" && only != "1" {
		return nil, badParam("openOnly must be 0 or 1")
	}
	wanted := func(s standing) bool { return s.ended() == (only == "1") }
	list := c.selected(pick, id, link, c.view.frame, c.at, wanted)
	if only == "1" {
		list = c.selected(pick, id, link, c.at-maxWindow, c.at, wanted)
		list = list[:min(len(list), recentClosed)]
	}
	return c.orderListing(pick, list)
}

// listOrderHistory answers ended orders. With an id the window does not count;
// the exchange's memory always does.
func listOrderHistory(x *Exchange, c *call) (*listing, *refusal) {
	id, link := c.query.Get("orderId"), c.query.Get("orderLinkId")
	pick, no := c.selection(true, allCategories()...)
	if no != nil {
		return nil, no
	}
	if no := c.unifiedOnly(); no != nil {
		return nil, no
	}
	status := c.query.Get("orderStatus")
	if status != "" && !slices.Contains(finalStatuses(), status) {
		return nil, refuse(codeFinalStatus, "OrderStatus must be final status")
	}
	from, to, no := c.window()
	if no != nil {
		return nil, no
	}
	remembered := func(s standing) bool {
		return s.ended() && s.retained(c.at) && (status == "" || s.status == status)
	}
	wanted := func(s standing) bool {
		return remembered(s) && x.dates(s) >= from && x.dates(s) <= to
	}
	if id != "" || link != "" {
		wanted = remembered
	}
	return c.orderListing(pick, c.selected(pick, id, link, from, min(to, c.at), wanted))
}

// dates gives the time by which order/history files an order.
func (x *Exchange) dates(s standing) int64 {
	if x.cfg.HistoryBy == historyByUpdated {
		return s.updated
	}
	return s.created
}

// selected gathers the orders that a request means, newest first: by id, else
// by link id, else by what the selection takes.
func (c *call) selected(pick selection, id, link string, from, to int64, wanted func(standing) bool) []standing {
	if id != "" || link != "" {
		return c.byID(pick.category, id, link, wanted)
	}
	var list []standing
	for _, scope := range pick.scopes() {
		for _, s := range c.view.standings(scope, from, to) {
			if pick.takes(s.symbol) && wanted(s) {
				list = append(list, s)
			}
		}
	}
	sortNewestFirst(list)
	return list
}

func (c *call) byID(category, id, link string, wanted func(standing) bool) []standing {
	var d draft
	var found bool
	if id != "" {
		d, found = c.view.lookup(category, id)
	} else {
		d, found = c.view.lookupLink(category, link)
	}
	if !found {
		return nil
	}
	p, exists := c.view.progressOf(d)
	if s := (standing{draft: d, progress: p}); exists && wanted(s) {
		return []standing{s}
	}
	return nil
}

// orderListing applies orderFilter and works out the rows of one page only.
func (c *call) orderListing(pick selection, list []standing) (*listing, *refusal) {
	filter := c.query.Get("orderFilter")
	known := []string{"", "Order", "StopOrder", "tpslOrder", "OcoOrder", "BidirectionalTpslOrder"}
	if !slices.Contains(known, filter) {
		return nil, badParam("orderFilter invalid: %s", filter)
	}
	if filter != "" {
		list = slices.DeleteFunc(list, func(s standing) bool { return s.filterKind() != filter })
	}
	return &listing{
		category: pick.category, total: len(list), trails: c.trails(),
		row: func(i int) any { return c.view.orderRow(c.view.order(list[i])) },
	}, nil
}

// filterKind is the orderFilter that a standing order belongs to.
func (s standing) filterKind() string {
	if !s.fate.conditional {
		return "Order"
	}
	if s.symbol.category == spot && (order{draft: s.draft}).stopType() == "tpslOrder" {
		return "tpslOrder"
	}
	return "StopOrder"
}
