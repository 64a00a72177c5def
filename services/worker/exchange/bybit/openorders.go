package bybit

import (
	"context"
	"strconv"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// orderPage is the most the exchange gives; its default is 20.
const orderPage = 50

// OpenOrderScopes is spot, and what PositionScopes is.
func (c *Client) OpenOrderScopes() []exchange.Scope {
	return append([]exchange.Scope{spot}, c.PositionScopes()...)
}

// OpenOrders walks the open orders of a scope, for all categories but option
// twice: all orders, then the conditional ones (Settings.SkipStopOrders). An
// order seen twice is kept in its later version. If the second walk fails, the
// scope is not complete.
func (c *Client) OpenOrders(ctx context.Context, scope exchange.Scope) exchange.Snapshot[exchange.Order] {
	w := newWalk(c.session, newerOrder)
	fault := unserved(scope, c.OpenOrderScopes())
	if fault == nil {
		fault = c.walkOpenOrders(ctx, w, scope, "")
	}
	for _, filter := range c.openFilters(scope) {
		if fault == nil {
			fault = c.walkOpenOrders(ctx, w, scope, filter)
		}
	}
	return w.snapshot(scope, fault)
}

// openFilters are the kinds of orders that are asked for by name.
func (c *Client) openFilters(scope exchange.Scope) []string {
	category, _ := cut(scope)
	switch hidden := c.hiddenOrders(category); {
	case hidden != nil:
		return hidden
	case category == option || c.settings.SkipStopOrders:
		return nil
	default:
		return []string{"StopOrder"}
	}
}

func (c *Client) walkOpenOrders(ctx context.Context, w *walk[exchange.Order], scope exchange.Scope, filter string) *exchange.Error {
	query := scopeQuery(scope)
	query.Set("limit", strconv.Itoa(orderPage))
	if filter != "" {
		query.Set("orderFilter", filter)
	}
	category, _ := cut(scope)
	return w.run(ctx, orderRealtime, c.session.pages(orderRealtime, query), c.session.orderIn(category, scope))
}
