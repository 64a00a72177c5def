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
	if no := c.served(pick.category); no != nil {
		return nil, no
	}
	only := c.query.Get("openOnly")
	if only == "2" && pick.category == inverse && c.owner.walletOf(inverse) == walletContract {
		only = "1" // where inverse contracts have their own wallet it is called so
	}
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
	if no := c.served(pick.category); no != nil {
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
		return s.ended() && x.retained(s, c.at) && (status == "" || s.status == status)
	}
	if id != "" || link != "" {
		return c.orderListing(pick, c.byID(pick.category, id, link, remembered))
	}
	kinds, no := c.orderKinds()
	if no != nil {
		return nil, no
	}
	each := status != "" || c.query.Get("orderFilter") != "" || x.cfg.Demo || from < c.at-historyDepth
	return c.indexed.orderTimeline(x, pick, from, to, each, func(s standing) bool {
		return remembered(s) && kinds(s)
	}).listing(pick.category, c.trails()), nil
}

// orderTimeline gives the orders of a selection that order/history files within
// [from, to]. Orders of dense histories are looked at one by one only where
// each must be.
func (v *view) orderTimeline(x *Exchange, pick selection, from, to int64, each bool, wanted func(standing) bool) timeline {
	var list []standing
	var lines timeline
	for _, scope := range pick.scopes(v.market) {
		for _, s := range v.standings(scope, from, to) {
			if pick.takes(s.symbol) && wanted(s) && x.dates(s) >= from && x.dates(s) <= to {
				list = append(list, s)
			}
		}
	}
	sortNewestFirst(list)
	var entries []entry
	for _, s := range list {
		entries = append(entries, entry{at: s.created, row: func() any { return v.orderRow(v.order(s)) }})
	}
	for i := range v.histories {
		h := &v.histories[i]
		if pick.takes(h.symbol) && pick.category == h.symbol.category {
			lines = append(lines, h.orderSeries(v, x, from, to, each, wanted))
		}
	}
	return append(lines, gathered(entries))
}

// orderSeries gives the orders of a dense history that have ended.
func (h *chronicle) orderSeries(v *view, x *Exchange, from, to int64, each bool, wanted func(standing) bool) series {
	s := h.seed(v)
	stand := func(n int64) standing {
		d := h.draft(v, n)
		p, _ := v.progressOf(d)
		return standing{draft: d, progress: p}
	}
	created := func(n int64) int64 { at, _, _ := h.life(s, n); return at }
	line := series{at: func(n int64) int64 { _, at, _ := h.life(s, n); return at }}
	line.first, line.past = h.orders(s)
	line.past = min(line.past, h.orderOf(s, h.upTo(s, v.frame))+1)
	line.past = line.after(v.frame)
	if x.cfg.HistoryBy != historyByUpdated {
		line.at = created
	}
	line = line.between(from, to)
	line.at = created
	line.row = func(n int64) any { return v.orderRow(v.order(stand(n))) }
	if each {
		return line.where(func(n int64) bool { return wanted(stand(n)) })
	}
	return line
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
	for _, scope := range pick.scopes(c.view.market) {
		for _, s := range c.view.alive(scope, from, to) {
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

// orderKinds reads orderFilter.
func (c *call) orderKinds() (func(standing) bool, *refusal) {
	filter := c.query.Get("orderFilter")
	known := []string{"", "Order", "StopOrder", "tpslOrder", "OcoOrder", "BidirectionalTpslOrder"}
	if !slices.Contains(known, filter) {
		return nil, badParam("orderFilter invalid: %s", filter)
	}
	return func(s standing) bool { return filter == "" || s.filterKind() == filter }, nil
}

// orderListing applies orderFilter and works out the rows of one page only.
func (c *call) orderListing(pick selection, list []standing) (*listing, *refusal) {
	kinds, no := c.orderKinds()
	if no != nil {
		return nil, no
	}
	list = slices.DeleteFunc(list, func(s standing) bool { return !kinds(s) })
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
