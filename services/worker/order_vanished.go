package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// maxLookups bounds the single orders one job asks for. What is over is left to
// the next job, and the scope says so.
const maxLookups = 100

// storedOrder is an order that the table says is open, or does not know the
// state of.
type storedOrder struct {
	exchange.Order
	ObservedAt time.Time
	Written    bool // by a job of ours: it has a history
}

// lookUpVanished asks for each order that is open in the table and was in no
// walk. Its state goes into the part of its scope.
func (w *ordersWalk) lookUpVanished(ctx context.Context, source exchange.OpenOrderReader) {
	seen := map[string]bool{}
	for _, rows := range w.rows() {
		for _, o := range rows {
			seen[o.Key()] = true
		}
	}
	asked := 0
	for i := range w.opens {
		snap := &w.opens[i]
		protected, keyless := protect(snap.Faults)
		if !snap.Complete || keyless {
			continue
		}
		for _, key := range protected {
			seen[key] = true
		}
		for _, stored := range w.known {
			if stored.Scope != snap.Scope || seen[stored.Key()] {
				continue
			}
			if asked++; asked > maxLookups {
				snap.Complete = false
				snap.Err = &exchange.Error{
					Class:   exchange.Incomplete,
					Message: fmt.Sprintf("more than %d orders vanished at once; the next job looks up the rest", maxLookups),
				}
				break
			}
			if !w.lookUp(ctx, source, stored, snap) {
				return
			}
		}
	}
}

// lookUp finds out what became of one order. An order that the exchange does
// not find is unknown at first, since its history lags; when it has not turned
// up for a while, the only end that leaves no trace is an unfilled cancel.
func (w *ordersWalk) lookUp(
	ctx context.Context, source exchange.OpenOrderReader, stored storedOrder, snap *exchange.Snapshot[exchange.Order],
) bool {
	order, found, fault := source.Order(ctx, stored.Order)
	switch {
	case fault != nil:
		snap.Complete, snap.Err = false, fault
		return w.goOn(fault)
	case found:
		snap.Rows = append(snap.Rows, order)
	case w.a.job.Trigger == syncjob.Repair && !stored.Written:
		w.strangers = append(w.strangers, stored)
	default:
		gone := stored.Order
		if stored.Status != "unknown" {
			gone.Status = "unknown"
		} else if w.a.now().Sub(stored.ObservedAt) >= w.forgottenAfter {
			gone.Status = "cancelled_inferred"
		}
		snap.Rows = append(snap.Rows, gone)
	}
	return true
}
