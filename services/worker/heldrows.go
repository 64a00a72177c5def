package worker

import "sync/atomic"

const (
	// mostHeld is how many rows of histories a process holds before walks that have
	// read enough to be worth a commit end early: a row takes one to two kilobytes
	// until it is written, and a dense account has a hundred thousand a week.
	mostHeld = 150_000
	// worthCommit rows are worth a commit of their own.
	worthCommit = 5_000
)

// heldRows counts the rows of histories that jobs of this process have read and not
// yet written. It bounds them: beyond mostHeld a job reads on until it has
// worthCommit, commits that, and leaves the rest to the next one.
type heldRows struct{ n atomic.Int64 }

func (h *heldRows) add(n int) { h.n.Add(int64(n)) }

func (h *heldRows) full() bool { return h.n.Load() >= mostHeld }
