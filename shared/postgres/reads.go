package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// ReadsConfig says when a replica may be read. Zero values take the defaults.
type ReadsConfig struct {
	// MaxLag is how old a replica's answer may be. Default 5 s.
	MaxLag time.Duration
	// CheckPeriod is how often it is measured. Default 500 ms.
	CheckPeriod time.Duration
	Log         *logrus.Entry
}

// Reads chooses where reads go: to the replica (DATABASE_READ_URL) while it
// answers and is not further behind than a bound, else to the primary.
//
// The lag is bounded from above, not estimated: the primary's log position is
// noted with the time, and the replica is as fresh as the newest position it
// has replayed. So an idle primary does not look like a lagging replica, and a
// replica that is cut off ages even if it believes to have caught up.
type Reads struct {
	primary, replica *DB
	cfg              ReadsConfig
	stop             context.CancelFunc
	done             sync.WaitGroup

	mu      sync.Mutex
	samples []walSample
	fresh   time.Time // the replica holds everything committed before
	reason  error     // why the replica is not to be read
	chosen  bool      // the replica was, when last logged
}

type walSample struct {
	at  time.Time
	lsn int64
}

// maxSamples bounds the positions kept; older ones than MaxLag are of no use.
const maxSamples = 256

// NewReads starts measuring. Without a replica (nil) reads go to the primary.
// It closes neither pool.
func NewReads(ctx context.Context, primary, replica *DB, cfg ReadsConfig) *Reads {
	cfg.MaxLag = cmp.Or(cfg.MaxLag, 5*time.Second)
	cfg.CheckPeriod = cmp.Or(cfg.CheckPeriod, 500*time.Millisecond)
	if cfg.Log == nil {
		cfg.Log = silentLog()
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &Reads{primary: primary, replica: replica, cfg: cfg, stop: stop, reason: errors.New("not measured yet")}
	if replica != nil {
		r.done.Go(func() { r.measure(ctx) })
	}
	return r
}

// Close ends the measuring.
func (r *Reads) Close() {
	r.stop()
	r.done.Wait()
}

// DB is the pool to read from now.
func (r *Reads) DB() *DB {
	if r.replica == nil {
		return r.primary
	}
	if _, err := r.Lag(); err != nil {
		return r.primary
	}
	return r.replica
}

// Lag is the most that the replica's answers may be behind. An error says why
// it is not read.
func (r *Reads) Lag() (time.Duration, error) {
	if r.replica == nil {
		return 0, errors.New("there is no replica")
	}
	if h := r.replica.Health(); h.Failures > 0 { // known before the next measurement
		return 0, fmt.Errorf("the replica does not answer: %w", h.Err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reason != nil {
		return 0, r.reason
	}
	lag := time.Since(r.fresh)
	if lag > r.cfg.MaxLag {
		return lag, fmt.Errorf("the replica may be %s behind, and %s is allowed",
			lag.Round(time.Millisecond), r.cfg.MaxLag)
	}
	return lag, nil
}

func (r *Reads) measure(ctx context.Context) {
	ticker := time.NewTicker(r.cfg.CheckPeriod)
	defer ticker.Stop()
	for {
		r.measureOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		r.logChange()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// logChange says once when reads move from one server to the other.
func (r *Reads) logChange() {
	lag, err := r.Lag()
	r.mu.Lock()
	changed := (err == nil) != r.chosen
	r.chosen = err == nil
	r.mu.Unlock()
	switch {
	case !changed:
	case err == nil:
		r.cfg.Log.WithField("lag_ms", lag.Milliseconds()).Info("reads go to the replica")
	default:
		r.cfg.Log.WithError(err).Warn("reads go to the primary")
	}
}
