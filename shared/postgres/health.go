package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// failingCheckPeriod is how soon a failed check is repeated, so that work
// resumes about a second after the server is back.
const failingCheckPeriod = time.Second

// health counts failures to connect or to ping in a row. Failed statements do
// not count: after a restart of the server every old connection fails once,
// which says nothing about the server as it is.
type health struct {
	mu         sync.Mutex
	log        *logrus.Entry
	alertAfter int
	failures   int
	alerted    bool
	answered   bool
	since      time.Time // of the first failure in a row
	err        error
	changed    chan struct{} // closed when healthy turns
}

func newHealth(cfg Config) *health {
	return &health{log: cfg.Log, alertAfter: cfg.AlertAfter, changed: make(chan struct{})}
}

func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.signal(h.healthy())
	if h.failures == 0 {
		h.since = time.Now()
	}
	h.failures++
	h.err = err
	if h.failures >= h.alertAfter && !h.alerted {
		h.alerted = true
		h.log.WithError(err).WithField("failures", h.failures).
			Error("Postgres does not answer: work waits until it does")
	}
}

func (h *health) succeeded() {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.signal(h.healthy())
	if h.alerted {
		h.log.WithFields(logrus.Fields{"failures": h.failures, "outage": time.Since(h.since).Round(time.Millisecond).String()}).
			Warn("Postgres answers again")
	}
	h.failures, h.alerted, h.answered, h.err = 0, false, true, nil
}

func (h *health) healthy() bool { return h.answered && h.failures == 0 }

// signal wakes those who wait for another state than the one before.
func (h *health) signal(before bool) {
	if h.healthy() != before {
		close(h.changed)
		h.changed = make(chan struct{})
	}
}

// turns is closed when the pool turns from healthy to not, or back.
func (h *health) turns() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

func (h *health) lastError() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// Health is a pool's state as its checks saw it.
type Health struct {
	// Healthy: the server answered, and nothing has failed since.
	Healthy bool
	// Alert: Config.AlertAfter attempts in a row have failed.
	Alert bool
	// Failures in a row, since Since, the last of them Err.
	Failures int
	Since    time.Time
	Err      error
}

func (h *health) snapshot() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Health{Healthy: h.healthy(), Alert: h.alerted, Failures: h.failures, Err: h.err}
	if h.failures > 0 {
		s.Since = h.since
	}
	return s
}

// Health tells what the latest checks found. It does not ask the server.
func (db *DB) Health() Health { return db.health.snapshot() }

// Healthy reports whether the server answered last time it was asked. A pool
// that has not reached its server yet is not healthy.
func (db *DB) Healthy() bool { return db.Health().Healthy }

// Ready is nil while the database can be used. Else it says since when, how
// often and why not; an alert shows here for as long as it lasts. While the
// checks fail it does not ask again: they do so every second. It is made for a
// readiness check.
func (db *DB) Ready(ctx context.Context) error {
	h := db.Health()
	if h.Failures == 0 {
		return db.Ping(ctx)
	}
	state := "fails its checks"
	if h.Alert {
		state = "ALERT: fails its checks"
	}
	return fmt.Errorf("pool %q: %s since %s, %d times in a row: %w",
		db.cfg.Name, state, h.Since.UTC().Format(time.RFC3339), h.Failures, h.Err)
}

// checkHealth checks until ctx ends: at the period, at once when a statement
// met an error that may mean that the server is away, and every second while
// the checks fail. A pool whose connections are all in use is not a failure of
// the server, and is passed over.
func (db *DB) checkHealth(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		doubts := db.doubts
		if db.health.lastError() != nil {
			doubts = nil // it is known, and each statement that fails meanwhile says so again
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-doubts:
		}
		db.checkOnce(ctx)
		wait := db.cfg.HealthCheckPeriod
		if db.health.lastError() != nil {
			wait = min(wait, failingCheckPeriod)
		}
		timer.Reset(wait)
	}
}

// doubt asks for a check now. It never blocks.
func (db *DB) doubt() {
	select {
	case db.doubts <- struct{}{}:
	default: // one is asked for already
	}
}

func (db *DB) checkOnce(ctx context.Context) {
	err := db.check(ctx)
	switch {
	case err == nil:
		db.health.succeeded()
	case ctx.Err() != nil, errors.Is(err, ErrPoolExhausted):
	case isConnectionFailure(err) && !errors.Is(err, ErrUnavailable):
		// The attempt to connect has counted itself.
	default:
		db.health.failed(err)
	}
}
