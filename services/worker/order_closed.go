package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

const (
	// firstHistory is how far back a new account's closed orders are read.
	firstHistory = 7 * 24 * time.Hour
	// indexingDelay is how long the exchange may take to show a closed order in
	// its history. Watermark and coverage end that long before the reading, so
	// the next one begins with what this one may have missed.
	indexingDelay = 10 * time.Minute
)

// closedWalk is what was read of one category's closed orders.
type closedWalk struct {
	category string
	window   exchange.Window // from the watermark to the end of the last complete window
	snap     exchange.Snapshot[exchange.Order]
}

// closedScope is the scope of a category's closed orders in sync_scopes.
func closedScope(category string) string { return "closed:" + category }

// closed walks each category's windows, oldest first, from its watermark. A
// backlog that does not fit into half of the job's time is left to the next
// job, and says so.
func (w *ordersWalk) closed(ctx context.Context, source exchange.ClosedOrderReader) bool {
	marks, err := w.a.watermarks(ctx)
	if err != nil {
		return w.goOn(databaseFault("reading the watermarks", err))
	}
	for _, history := range source.ClosedOrderHistories() {
		scope := history.Scope
		now := w.a.exchangeNow()
		from, ok := marks[closedScope(string(scope))]
		if !ok {
			from = now.Add(-firstHistory)
		}
		past := w.walkWindows(ctx, source, scope, exchange.Window{From: from, To: now}, history.Window)
		w.pasts = append(w.pasts, past)
		if !w.goOn(past.snap.Err) {
			return false
		}
	}
	return true
}

func (w *ordersWalk) walkWindows(
	ctx context.Context, source exchange.ClosedOrderReader, scope exchange.Scope, whole exchange.Window,
	longest time.Duration,
) closedWalk {
	past := closedWalk{category: string(scope), window: exchange.Window{From: whole.From, To: whole.From}}
	past.snap.Complete = true
	for window := range whole.Split(longest) {
		if w.a.halfTimeOver() {
			past.snap.Complete = false
			past.snap.Err = &exchange.Error{
				Class:   exchange.Incomplete,
				Message: fmt.Sprintf("closed orders are read up to %s; the next job goes on", past.window.To.UTC().Format(time.RFC3339)),
			}
			break
		}
		snap := source.ClosedOrders(ctx, scope, window)
		past.snap.Rows = append(past.snap.Rows, snap.Rows...)
		past.snap.Faults = append(past.snap.Faults, snap.Faults...)
		past.snap.AsOf = snap.AsOf
		if snap.Err != nil || !snap.Complete || len(snap.Faults) > 0 {
			past.snap.Complete, past.snap.Err = false, snap.Err
			break
		}
		past.window.To = window.To
	}
	return past
}

func (w *ordersWalk) closedPart(past closedWalk) part {
	p := part{
		scope: closedScope(past.category), asOf: past.snap.AsOf, history: true,
		fetched: len(past.snap.Rows) + len(past.snap.Faults), fault: past.snap.Err, queue: w.upsert(past.snap.Rows),
	}
	if p.fault == nil && len(past.snap.Faults) > 0 {
		p.fault = faultyRows(past.snap.Faults)
	}
	until := past.window.To
	if reach := past.snap.AsOf.Add(-indexingDelay); reach.Before(until) {
		until = reach
	}
	if until.After(past.window.From) {
		p.from, p.until = past.window.From, until
	}
	p.stores = !past.snap.AsOf.IsZero() && (past.snap.Complete || len(past.snap.Rows) > 0 || !p.until.IsZero())
	return p
}
