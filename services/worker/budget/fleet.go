package budget

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// Fleet is the budget of all processes that share a database. It implements
// exchange.Budget and exchange.Learner. Run it, or bans that others meet are
// learnt with the next lease only.
type Fleet struct {
	cfg    Config
	db     *postgres.DB
	busy   sync.WaitGroup
	leases atomic.Int64
	stop   atomic.Bool

	mu        sync.Mutex
	addresses map[string]*address // by venue; bounded by the hosts there are
}

// New checks the configuration. It asks the database for nothing.
func New(db *postgres.DB, cfg Config) (*Fleet, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	return &Fleet{cfg: cfg, db: db, addresses: map[string]*address{}}, nil
}

// Take implements exchange.Budget. A turn that the database could not be asked
// for is asked for again as long as a turn may be waited for; then it is refused
// with class Transient.
func (f *Fleet) Take(ctx context.Context, use exchange.Use) error {
	a := f.address(use)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := a.enter(use, exchange.PriorityOf(ctx), time.Now())
		select {
		case err := <-w.done:
			if err != nil {
				return err
			}
			if onTime, err := a.check(w, time.Now()); onTime || err != nil {
				return err
			}
		case <-ctx.Done():
			a.leave(w)
			return ctx.Err()
		}
	}
}

// check looks for what came between a grant and its use: a ban, or so much time
// that the turn is lost.
func (a *address) check(w *waiter, now time.Time) (onTime bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.bannedLocked(now); err != nil {
		return false, err
	}
	if w.meter == nil || now.Sub(w.granted) <= tooLate {
		return true, nil
	}
	w.meter.giveBack(w.charge)
	return false, nil
}

// Learn implements exchange.Learner.
func (f *Fleet) Learn(use exchange.Use, said exchange.Allowance) {
	if use.UID == "" || said.Limit < 1 {
		return
	}
	a := f.address(use)
	a.mu.Lock()
	defer a.mu.Unlock()
	m, now := a.meter(use), time.Now()
	m.learn(said, now)
	a.least.note(said, now)
	m.arrived(said.Sent, said.At.Add(-a.delay(use.Host).usual(said.At.Sub(said.Sent), now)), now)
	if !m.urgent.IsZero() && !f.ended() {
		a.work()
	}
}

// Leases counts the statements that this process asked for leases with.
func (f *Fleet) Leases() int64 { return f.leases.Load() }

func (f *Fleet) ended() bool { return f.stop.Load() }

func (f *Fleet) address(use exchange.Use) *address {
	return f.venue(venueOf(use), use.PerAddress)
}

func venueOf(use exchange.Use) string {
	if use.Venue == "" {
		return use.Host
	}
	return use.Venue
}

func (f *Fleet) venue(name string, published exchange.Limit) *address {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.addresses[name]
	if a == nil {
		a = newAddress(f, name, published)
		f.addresses[name] = a
	}
	return a
}

// all lists the addresses.
func (f *Fleet) all() []*address {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]*address, 0, len(f.addresses))
	for _, a := range f.addresses {
		list = append(list, a)
	}
	return list
}

func describe(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
