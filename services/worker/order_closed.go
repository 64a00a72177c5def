package worker

import (
	"context"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// closedPrefix is what the scope of a category's closed orders begins with in
// sync_scopes, where open orders have scopes of the same names.
const closedPrefix = "closed:"

// closed goes on with the closed orders of each category from its watermark.
func (w *ordersWalk) closed(ctx context.Context, source exchange.ClosedOrderReader) bool {
	stretches, fault := w.a.plan(ctx, source.ClosedOrderHistories(), closedPrefix)
	if fault != nil {
		w.got.fault = fault
		return false
	}
	for _, s := range stretches {
		past := walkStretch(ctx, w.a, s, source.ClosedOrders)
		w.pasts = append(w.pasts, past)
		if !w.goOn(past.fault) {
			return false
		}
	}
	return true
}
