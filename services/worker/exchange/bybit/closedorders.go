package bybit

import (
	"context"
	"net/url"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// demoDepth is how long the demo environment keeps orders.
const demoDepth = 7 * 24 * time.Hour

// ClosedOrderHistories is one per category: the history needs no settle coin.
func (c *Client) ClosedOrderHistories() []exchange.History {
	found := histories(c.categories()...)
	if c.session.environment == demo {
		for i := range found {
			found[i].Depth = demoDepth
		}
	}
	return found
}

// categories that the account can have anything of.
func (c *Client) categories() []exchange.Scope {
	if c.mode.options() {
		return []exchange.Scope{spot, linear, inverse, option}
	}
	return []exchange.Scope{spot, linear, inverse}
}

// ClosedOrders reads the orders that ended within the window, conditional,
// cancelled and rejected ones among them. What the exchange forgets is not
// here: an order cancelled without a fill after a day, any other without one
// after a week.
func (c *Client) ClosedOrders(ctx context.Context, scope exchange.Scope, window exchange.Window) exchange.Snapshot[exchange.Order] {
	walk := past[exchange.Order]{
		endpoint: orderHistory,
		queries:  []url.Values{categoryQuery(string(scope), window, orderPage)},
		read:     c.session.orderIn(string(scope), ""),
		newer:    newerOrder,
	}
	for _, filter := range c.hiddenOrders(string(scope)) {
		query := categoryQuery(string(scope), window, orderPage)
		query.Set("orderFilter", filter)
		walk.queries = append(walk.queries, query)
	}
	return walk.snapshot(ctx, c.session, c.ClosedOrderHistories(), scope, window)
}

// hiddenOrders are the kinds of orders that are shown only to who asks for them
// by their kind: for spot of a classic account the default is "Order", for all
// else every kind.
func (c *Client) hiddenOrders(category string) []string {
	if c.mode == classic && category == spot {
		return []string{"StopOrder", "tpslOrder"}
	}
	return nil
}
