package scheduler

import (
	"sync/atomic"
	"time"

	"github.com/alphapulse/alphapulse/shared/ledger"
)

// handedAtMost is how many batches may wait for the publisher.
const handedAtMost = 4

// handover is the way from the planner to the publisher of jobs that were planned
// as taken. It is open while the publisher works; shut, or full, the planner leaves
// jobs due. What is lost in it, with the process, the sweep finds.
type handover struct {
	batches chan handed
	open    atomic.Bool
}

// handed is a batch, and when it was planned.
type handed struct {
	jobs []ledger.Publication
	at   time.Time
}

func newHandover() *handover { return &handover{batches: make(chan handed, handedAtMost)} }

// ready says whether a batch can be given. Only one planner gives.
func (h *handover) ready() bool { return h.open.Load() && len(h.batches) < cap(h.batches) }

// give never blocks after ready.
func (h *handover) give(jobs []ledger.Publication) {
	if len(jobs) > 0 {
		h.batches <- handed{jobs: jobs, at: time.Now()}
	}
}

// take gives the oldest batch, or an empty one that has just begun.
func (h *handover) take() handed {
	select {
	case batch := <-h.batches:
		return batch
	default:
		return handed{at: time.Now()}
	}
}
