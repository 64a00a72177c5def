package scheduler

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/alphapulse/alphapulse/shared/ledger"
)

// handedAtMost is how many batches may wait for the publisher.
const handedAtMost = 4

// handoverWait is how long the planner waits for a place. A publisher who works frees one
// in less; if slots were planned meanwhile, their jobs would only be written twice, and
// looked for, and he would be later still.
const handoverWait = 250 * time.Millisecond

// handover is the way from the planner to the publisher of jobs that were planned
// as taken. It is open while the publisher works; shut, or full for long, the planner
// leaves jobs due. What is lost in it, with the process, the sweep finds.
type handover struct {
	batches chan handed
	places  chan struct{} // one for each batch that is given, or will be
	open    atomic.Bool
}

// handed is a batch, and when it was planned.
type handed struct {
	jobs []ledger.Publication
	at   time.Time
}

func newHandover() *handover {
	return &handover{batches: make(chan handed, handedAtMost), places: make(chan struct{}, handedAtMost)}
}

// reserve takes a place for a batch, if there is one within handoverWait. Who has it
// calls give.
func (h *handover) reserve(ctx context.Context) bool {
	if !h.open.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, handoverWait)
	defer cancel()
	select {
	case h.places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// give fills the place that was reserved, or leaves it if there is no job. It never
// blocks.
func (h *handover) give(jobs []ledger.Publication) {
	if len(jobs) == 0 {
		<-h.places
		return
	}
	h.batches <- handed{jobs: jobs, at: time.Now()}
}

// take gives all batches that wait as one, which is as old as the oldest, or an empty
// one that has just begun. A publisher who is late publishes more at once, because what
// he waits for the broker is as long for one batch as for all.
func (h *handover) take() handed {
	all := handed{at: time.Now()}
	for range handedAtMost {
		select {
		case batch := <-h.batches:
			<-h.places
			if len(all.jobs) == 0 {
				all.at = batch.at
			}
			all.jobs = append(all.jobs, batch.jobs...)
		default:
			return all
		}
	}
	return all
}
