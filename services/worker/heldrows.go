package worker

import "sync/atomic"

const (
	// mostHeld is how many rows of histories a process holds before walks that have
	// read enough to be worth a commit end early: a row takes one to two kilobytes
	// until it is written, and a dense account has a hundred thousand a week.
	mostHeld = 150_000
	// worthCommit rows are worth a commit of their own.
	worthCommit = 5_000
	// queueHeld is how many rows the jobs of one queue of lane backfill may come to hold
	// together. One that has read a usual week ends long before mostHeld would end it
	// early, so that alone does not bound how much many of them hold.
	queueHeld = 20_000
	// usualRows is what a job of lane backfill reads as far as nothing is known: a busy
	// account's week.
	usualRows = 2_500
	// calmer is by which part of the difference jobs are taken to read less after one
	// that did.
	calmer = 10
)

// heldRows counts the rows of histories that jobs of this process have read and not
// yet written. It bounds them: no more jobs are taken than queueHeld allows, and beyond
// mostHeld a job reads on until it has worthCommit, commits that, and leaves the rest to
// the next one.
type heldRows struct {
	n     atomic.Int64
	ofJob atomic.Int64 // what a job of lane backfill reads, about
}

func newHeldRows() *heldRows {
	h := &heldRows{}
	h.ofJob.Store(usualRows)
	return h
}

func (h *heldRows) add(n int) { h.n.Add(int64(n)) }

func (h *heldRows) full() bool { return h.n.Load() >= mostHeld }

// read takes note of what a job of lane backfill has read: of more at once, of less bit
// by bit. Of two that end at the same time one may be overlooked.
func (h *heldRows) read(rows int) {
	less := h.ofJob.Load() - int64(rows)
	h.ofJob.Add(-max(less, 0) / calmer)
	if less < 0 {
		h.ofJob.Store(int64(rows))
	}
}

// jobs is how many jobs of a queue of lane backfill may be at work.
func (h *heldRows) jobs() int { return max(1, int(queueHeld/max(h.ofJob.Load(), 1))) }
