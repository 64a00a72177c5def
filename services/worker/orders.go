package worker

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Orders are two readings in one job. The open orders of each scope are a
// snapshot, but nothing is deleted: an order that is open in the table and not
// in a complete walk is looked up, and only what the exchange has forgotten is
// inferred to be cancelled. Closed orders are a history, read in windows since
// the watermark of their category.
//
// Columns are those of exchange.Order, which says how each is read from the
// wire; order_row.go has the table.
type ordersReader struct {
	past[exchange.Order]
	forgottenAfter time.Duration
}

func newOrdersReader(forgottenAfter time.Duration) reader {
	return &ordersReader{
		past: newPast(ordersTable(), closedPrefix, orderValues), forgottenAfter: forgottenAfter,
	}
}

// read: a job with a window reads closed orders alone, and one that verifies
// without a window open ones alone.
func (r *ordersReader) read(ctx context.Context, a *attempt) reading {
	open, fault := serve[exchange.OpenOrderReader](a)
	if fault != nil {
		return reading{fault: fault}
	}
	closed, fault := serve[exchange.ClosedOrderReader](a)
	if fault != nil {
		return reading{fault: fault}
	}
	if inWindow(a.job) {
		return r.walk(ctx, a, closed.ClosedOrderHistories(), closed.ClosedOrders)
	}
	known, err := a.storedOpenOrders(ctx)
	if err != nil {
		return reading{fault: databaseFault("reading the orders that are open in the table", err)}
	}
	walk := ordersWalk{ordersReader: r, a: a, known: known}
	if !walk.open(ctx, open) || a.job.Trigger == syncjob.TriggerVerify {
		return walk.reading()
	}
	if walk.closed(ctx, closed) {
		walk.lookUpVanished(ctx, open)
	}
	return walk.reading()
}

// ordersWalk collects what one attempt reads, before it becomes parts.
type ordersWalk struct {
	*ordersReader
	a     *attempt
	known []storedOrder
	got   reading // carries the fault that ends the job
	opens []exchange.Snapshot[exchange.Order]
	pasts []walked[exchange.Order]
	// strangers are open in the table and unknown to the exchange, found by a
	// repair.
	strangers []storedOrder
}

// goOn notes a fault and reports whether the reading continues.
func (w *ordersWalk) goOn(fault *exchange.Error) bool {
	if fault == nil || !fault.Class.EndsJob() {
		return true
	}
	if w.got.fault == nil {
		w.got.fault = fault
	}
	return w.a.job.LastAttempt() && storable(fault.Class)
}

func (w *ordersWalk) open(ctx context.Context, source exchange.OpenOrderReader) bool {
	for _, scope := range source.OpenOrderScopes() {
		snap := source.OpenOrders(ctx, scope)
		w.opens = append(w.opens, snap)
		if !w.goOn(snap.Err) {
			return false
		}
	}
	return true
}

// reading turns the walks into parts. An order that came both open and closed
// is kept where it is further on.
func (w *ordersWalk) reading() reading {
	newest := map[string]exchange.Order{}
	for _, rows := range w.rows() {
		for _, o := range rows {
			if kept, ok := newest[o.Key()]; !ok || further(o, kept) {
				newest[o.Key()] = o
			}
		}
	}
	keep := func(rows []exchange.Order) []exchange.Order {
		var kept []exchange.Order
		for _, o := range rows {
			if best, ok := newest[o.Key()]; ok && sameState(best, o) {
				kept = append(kept, o)
				delete(newest, o.Key())
			}
		}
		return kept
	}
	for _, past := range w.pasts { // the scopes of the past are written last and so decided first
		past.rows = keep(past.rows)
		if w.openUnread(past.Scope) {
			past.covers = nil
		}
		w.got.parts = append(w.got.parts, w.past.part(w.a, past))
	}
	for _, snap := range w.opens {
		snap.Rows = keep(snap.Rows)
		w.got.parts = append(w.got.parts, w.openPart(snap))
	}
	return w.got
}

// openUnread reports whether the open orders of a category could not be read. Then
// its closed ones are stored and count as nothing: an order that was open and
// ends before the next reading may be filed by when it was made.
func (w *ordersWalk) openUnread(category exchange.Scope) bool {
	return slices.ContainsFunc(w.opens, func(snap exchange.Snapshot[exchange.Order]) bool {
		of, _, _ := strings.Cut(string(snap.Scope), ":")
		return of == string(category) && snap.Err != nil && unreadable(snap.Err) == nil
	})
}

func (w *ordersWalk) rows() [][]exchange.Order {
	var all [][]exchange.Order
	for _, snap := range w.opens {
		all = append(all, snap.Rows)
	}
	for _, past := range w.pasts {
		all = append(all, past.rows)
	}
	return all
}

func (w *ordersWalk) openPart(snap exchange.Snapshot[exchange.Order]) part {
	p := snapshotPart(snap, w.writer, orderValues)
	p.stores = !snap.AsOf.IsZero() && (snap.Complete || len(snap.Rows) > 0)
	p.writer, p.hash, p.queue = nil, nil, w.upsert(snap)
	if snap.Complete {
		p.compare = compareSnapshot(w.writer, snapshot.Collect(w.writer.Table(), snap.Rows, orderValues))
	}
	return p
}

// upsert writes open orders. A repair overwrites whatever is stored; and only a
// repair deletes, and only what was written by none of our jobs.
func (w *ordersWalk) upsert(snap exchange.Snapshot[exchange.Order]) func(*pgx.Batch, snapshot.Stamp, *snapshot.Tally) {
	rows := snapshot.Collect(w.writer.Table(), snap.Rows, orderValues)
	if w.a.job.Trigger != syncjob.Repair {
		return func(batch *pgx.Batch, stamp snapshot.Stamp, tally *snapshot.Tally) {
			w.writer.Upsert(batch, stamp, rows, tally)
		}
	}
	return func(batch *pgx.Batch, stamp snapshot.Stamp, tally *snapshot.Tally) {
		w.mender.Upsert(batch, stamp, rows, tally)
		for _, o := range w.strangers {
			if o.Scope == snap.Scope {
				w.deleteStranger(batch, o, tally)
			}
		}
	}
}

// deleteStranger deletes an order that the exchange does not know and of which
// there is no history: it was put into the table by something else.
func (w *ordersWalk) deleteStranger(batch *pgx.Batch, o storedOrder, tally *snapshot.Tally) {
	const remove = `
DELETE FROM alphapulse.orders t
WHERE t.account_id = $1 AND t.category = $2 AND t.order_id = $3
  AND NOT EXISTS (SELECT FROM alphapulse.orders_history h
                  WHERE h.account_id = t.account_id AND h.category = t.category AND h.order_id = t.order_id)`
	batch.Queue(remove, w.a.job.Subject.ID, o.Category, o.OrderID).Exec(func(tag pgconn.CommandTag) error {
		tally.Deleted += tag.RowsAffected()
		return nil
	})
}
