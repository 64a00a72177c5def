package postgres

import (
	"sync/atomic"
	"time"
)

type counters struct {
	committed, rolledBack, unknown, retried, slow, exhausted, resets, failedChecks, closed atomic.Int64
	waiting                                                                                atomic.Int64 // now
}

// Stats is one reading of a pool. Counts only grow; the rest are levels.
type Stats struct {
	Pool string

	MaxConns, TotalConns, IdleConns, InUseConns, ConnectingConns int32
	// Waiting is how many callers are being lent a connection, which they may have
	// to wait for.
	Waiting int64

	Acquires, AcquiresThatWaited, AcquiresCanceled, Exhausted int64
	WaitedForConns                                            time.Duration
	Opened, ClosedByLifetime, ClosedByIdleness, Resets        int64
	// Closed counts every end of a connection, whatever the reason.
	Closed int64
	// FailedChecks counts connections that did not answer when they were about
	// to be lent out, and were replaced.
	FailedChecks int64

	// Retried counts transactions run again after losing to another one;
	// UnknownCommits those whose COMMIT was never answered.
	Committed, RolledBack, UnknownCommits, Retried, SlowTransactions int64

	Health Health
}

// Stats reads the pool's figures.
func (db *DB) Stats() Stats {
	p := db.pool.Stat()
	return Stats{
		Pool:     db.cfg.Name,
		MaxConns: p.MaxConns(), TotalConns: p.TotalConns(), IdleConns: p.IdleConns(),
		InUseConns: p.AcquiredConns(), ConnectingConns: p.ConstructingConns(),
		Waiting: db.counts.waiting.Load(), Closed: db.counts.closed.Load(),
		Acquires: p.AcquireCount(), AcquiresThatWaited: p.EmptyAcquireCount(),
		AcquiresCanceled: p.CanceledAcquireCount(), Exhausted: db.counts.exhausted.Load(),
		WaitedForConns: p.EmptyAcquireWaitTime(),
		Opened:         p.NewConnsCount(), ClosedByLifetime: p.MaxLifetimeDestroyCount(),
		ClosedByIdleness: p.MaxIdleDestroyCount(), Resets: db.counts.resets.Load(),
		FailedChecks: db.counts.failedChecks.Load(),
		Committed:    db.counts.committed.Load(), RolledBack: db.counts.rolledBack.Load(),
		UnknownCommits: db.counts.unknown.Load(), Retried: db.counts.retried.Load(),
		SlowTransactions: db.counts.slow.Load(),
		Health:           db.Health(),
	}
}
