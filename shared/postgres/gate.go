package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// ErrGateShut is the cause of a context of Gate.Pass whose gate has shut.
var ErrGateShut = errors.New("the database is away: no more work is taken")

// Gate keeps a process from taking work that it could not record: it is open
// while every one of its pools is healthy. It is the circuit breaker between
// the queue and the database. The pools' own checks trip it and try it, so that
// no work has to fail for that, and it opens within about a second of the
// server's return.
//
// It stops the taking of work only. Work in hand goes on, and its statements
// keep trying: an open breaker must not cost a lease.
type Gate struct {
	pools []*DB
	log   *logrus.Entry

	mu     sync.Mutex
	period context.Context // ends when the gate shuts; nil while it is shut
	shut   context.CancelCauseFunc
	opened chan struct{} // closed when the gate opens
	since  time.Time     // when it shut; zero if the log was not told
	onOpen []func()
}

// NewGate makes a gate that is shut until Run has found its pools healthy.
func NewGate(log *logrus.Entry, pools ...*DB) *Gate {
	return &Gate{pools: pools, log: log, opened: make(chan struct{})}
}

// IsOpen reports whether work is taken now.
func (g *Gate) IsOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.period != nil
}

// OnOpen has fn called whenever the gate opens. It must not block. Call it
// before Run.
func (g *Gate) OnOpen(fn func()) { g.onOpen = append(g.onOpen, fn) }

// Run opens and shuts the gate until ctx ends, and leaves it shut.
func (g *Gate) Run(ctx context.Context) {
	turned := make(chan struct{}, 1)
	var watching sync.WaitGroup
	defer watching.Wait()
	for _, db := range g.pools {
		watching.Go(func() { db.health.watch(ctx, turned) })
	}
	for {
		g.settle()
		select {
		case <-ctx.Done():
			g.close(nil, nil)
			return
		case <-turned:
		}
	}
}

// watch says at every change that there was one, until ctx ends.
func (h *health) watch(ctx context.Context, turned chan<- struct{}) {
	for {
		changed := h.turns()
		select {
		case turned <- struct{}{}:
		default: // it is known that there was one
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

func (g *Gate) settle() {
	for _, db := range g.pools {
		if h := db.Health(); !h.Healthy {
			g.close(db, h.Err)
			return
		}
	}
	g.open()
}

// close shuts the gate. A pool that has not been asked yet (no error) shuts it
// without a word.
func (g *Gate) close(db *DB, because error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.period != nil {
		g.shut(ErrGateShut)
		g.period = nil
	}
	if because != nil && g.since.IsZero() {
		g.since = time.Now()
		g.log.WithField("pool", db.Name()).WithError(because).Warn("the database is away: no more work is taken until it is back")
	}
}

func (g *Gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.period != nil {
		return
	}
	g.period, g.shut = context.WithCancelCause(context.Background())
	close(g.opened)
	g.opened = make(chan struct{})
	if !g.since.IsZero() {
		g.log.WithField("shut_for", time.Since(g.since).Round(time.Millisecond).String()).
			Warn("the database is back: work is taken again")
		g.since = time.Time{}
	}
	for _, fn := range g.onOpen {
		fn()
	}
}

// Pass waits until the gate is open and gives a context for taking work, which
// ends with ctx or when the gate shuts (cause ErrGateShut). Call done when the
// taking has ended. An error is the end of ctx.
func (g *Gate) Pass(ctx context.Context) (passed context.Context, done func(), err error) {
	for {
		g.mu.Lock()
		period, opened := g.period, g.opened
		g.mu.Unlock()
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if period != nil {
			passed, cancel := context.WithCancelCause(ctx)
			stop := context.AfterFunc(period, func() { cancel(ErrGateShut) })
			return passed, func() { stop(); cancel(nil) }, nil
		}
		select {
		case <-ctx.Done():
		case <-opened:
		}
	}
}
