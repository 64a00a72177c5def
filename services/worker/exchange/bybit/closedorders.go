package bybit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// maxWindow is the longest span of one query of the order history.
const maxWindow = 7 * 24 * time.Hour

const (
	// historyDepth is how far back the exchange serves orders, executions and
	// the transaction log.
	historyDepth = 730 * 24 * time.Hour
	// historyLag: orders and executions are written asynchronously and "may
	// delay"; the documentation gives no bound.
	historyLag = 10 * time.Minute
)

// ClosedOrderHistories is one per category: the history needs no settle coin.
func (c *Client) ClosedOrderHistories() []exchange.History {
	return histories(spot, linear, inverse, option)
}

func histories(scopes ...exchange.Scope) []exchange.History {
	found := make([]exchange.History, len(scopes))
	for i, scope := range scopes {
		found[i] = exchange.History{Scope: scope, Window: maxWindow, Depth: historyDepth, Lag: historyLag}
	}
	return found
}

// scopesOf gives the scopes of histories.
func scopesOf(histories []exchange.History) []exchange.Scope {
	scopes := make([]exchange.Scope, len(histories))
	for i, h := range histories {
		scopes[i] = h.Scope
	}
	return scopes
}

// ClosedOrders reads the orders that ended within the window. Both bounds are
// always sent, since each one's default has changed before.
//
// Whether the exchange's own bounds are inclusive is not documented. Start is
// sent as it is, end as the last millisecond before To, which is right if they
// are; if they are not, a caller's overlap covers it. What the exchange forgets
// is not here: an order cancelled without a fill after a day, any other without
// one after a week.
func (c *Client) ClosedOrders(ctx context.Context, scope exchange.Scope, window exchange.Window) exchange.Snapshot[exchange.Order] {
	w := newWalk(c.session, newerOrder)
	fault := unserved(scope, scopesOf(c.ClosedOrderHistories()))
	if fault == nil {
		fault = checkWindow(window)
	}
	if fault == nil {
		query := windowQuery(string(scope), window)
		fault = w.run(ctx, orderHistory, c.session.pages(orderHistory, query), func(raw json.RawMessage) (*exchange.Order, *exchange.RowFault) {
			return c.session.order(raw, string(scope), "")
		})
	}
	return w.snapshot(scope, fault)
}

func checkWindow(window exchange.Window) *exchange.Error {
	if span := window.To.Sub(window.From); span > 0 && span <= maxWindow {
		return nil
	}
	return &exchange.Error{
		Class:   exchange.BadRequest,
		Message: fmt.Sprintf("the window from %s to %s is empty or longer than %s; cut it with Window.Split", window.From.UTC().Format(time.RFC3339), window.To.UTC().Format(time.RFC3339), maxWindow),
	}
}

func windowQuery(category string, window exchange.Window) url.Values {
	// The nanosecond makes a whole millisecond the one before it and leaves a
	// broken one as it is.
	end := window.To.Add(-time.Nanosecond)
	return url.Values{
		"category":  {category},
		"startTime": {strconv.FormatInt(window.From.UnixMilli(), 10)},
		"endTime":   {strconv.FormatInt(end.UnixMilli(), 10)},
		"limit":     {strconv.Itoa(orderPage)},
	}
}
