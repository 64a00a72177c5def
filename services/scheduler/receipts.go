package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// receiptTimeout is how long after they were taken the receipts of jobs are worth
// storing: then the sweep publishes again what has none and still waits.
const receiptTimeout = 10 * time.Second

// receipts say where the broker has stored jobs, and are on their way into the rows of
// these. They are kept for a rest first: the claim of a job stores its message's place,
// which costs nothing there, and nearly every job is claimed by then. Those that still
// wait in their queue get it here.
//
// If the process dies, jobs that wait and have no place are published again by the
// sweep.
type receipts struct {
	ledger *ledger.Ledger
	rest   time.Duration

	mu   sync.Mutex
	kept []receiptBatch // oldest first
}

// receiptBatch are the receipts of jobs that were taken together, and when they were.
type receiptBatch struct {
	receipts []ledger.Receipt
	taken    time.Time
}

func newReceipts(l *ledger.Ledger, rest time.Duration) *receipts {
	return &receipts{ledger: l, rest: rest}
}

func (r *receipts) keep(b receiptBatch) {
	if len(b.receipts) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, b)
}

// step stores what has rested for half of the time, as soon as something has for all of
// it, so that few statements store many. What could not be stored is tried again until
// the sweep has taken over.
func (r *receipts) step(ctx context.Context) (time.Duration, error) {
	ripe := r.ripe(time.Now())
	if err := r.store(ctx, ripe); err != nil {
		r.putBack(ripe)
		return 0, err
	}
	return r.untilRipe(time.Now()), nil
}

// ripe takes what is to be stored now.
func (r *receipts) ripe(now time.Time) []receiptBatch {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) == 0 || now.Sub(r.kept[0].taken) < r.rest {
		return nil
	}
	n := 1
	for n < len(r.kept) && now.Sub(r.kept[n].taken) >= r.rest/2 {
		n++
	}
	ripe := r.kept[:n:n]
	r.kept = r.kept[n:]
	return ripe
}

// putBack keeps what is not too old.
func (r *receipts) putBack(batches []receiptBatch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(batches) > 0 && time.Since(batches[0].taken) >= receiptTimeout {
		batches = batches[1:]
	}
	r.kept = append(batches, r.kept...)
}

// untilRipe is how long nothing has to be stored, at most the rest.
func (r *receipts) untilRipe(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) == 0 {
		return r.rest
	}
	return max(r.kept[0].taken.Add(r.rest).Sub(now), 0)
}

// storeAll stores every receipt, because the scheduler ends.
func (r *receipts) storeAll(ctx context.Context) error {
	r.mu.Lock()
	all := r.kept
	r.kept = nil
	r.mu.Unlock()
	return r.store(ctx, all)
}

func (r *receipts) store(ctx context.Context, batches []receiptBatch) error {
	var all []ledger.Receipt
	for _, b := range batches {
		all = append(all, b.receipts...)
	}
	if len(all) == 0 {
		return nil
	}
	ctx, cancel := context.WithDeadline(ctx, time.Now().Add(publishTimeout))
	defer cancel()
	err := r.ledger.Confirm(ctx, all)
	failpoint.Hit(failpoint.SchedulerConfirmed)
	return err
}
