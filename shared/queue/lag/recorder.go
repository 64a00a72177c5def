// Package lag watches the broker's queues and tells how fast they move.
//
// The broker knows how long each queue is and nothing of the time. A Recorder
// looks once a second and keeps the last five minutes in memory, so every process
// has its own; a new one knows no rates for the first seconds. The API answers
// `alphapulse lag` from one, the scheduler's metrics are of another.
package lag

import (
	"context"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/queue"
)

const (
	period = time.Second
	// Keep is how far back a Recorder remembers.
	Keep = 5 * time.Minute
	kept = int(Keep / period)
	// lookTimeout bounds one question to the broker.
	lookTimeout = 3 * time.Second
)

// Broker tells how long its queues are.
type Broker interface {
	Lag(ctx context.Context) ([]queue.Lag, error)
}

// Recorder remembers how long the queues were. It is safe for concurrent use.
type Recorder struct {
	broker Broker
	log    *logrus.Entry

	mu     sync.Mutex
	lanes  map[queue.Consumer]*Lane
	failed bool
}

// NewRecorder makes a Recorder that remembers nothing yet.
func NewRecorder(broker Broker, log *logrus.Entry) *Recorder {
	return &Recorder{broker: broker, log: log, lanes: map[queue.Consumer]*Lane{}}
}

// Run looks once a second until ctx ends. A broker that does not answer leaves a
// hole in the record and one line in the log.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		all, at, err := r.ask(ctx)
		if err == nil {
			r.mu.Lock()
			r.remember(all, at)
			r.mu.Unlock()
		}
		r.logChange(ctx, err)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (r *Recorder) logChange(ctx context.Context, err error) {
	if ctx.Err() != nil || (err != nil) == r.failed {
		return
	}
	r.failed = err != nil
	if r.failed {
		r.log.WithError(err).Warn("the broker does not say how long its queues are")
		return
	}
	r.log.Info("the broker says how long its queues are")
}

// Reading is one queue as it is now, with what is remembered of it.
type Reading struct {
	queue.Lag
	Rates Rates
	// Work is how long a job takes, from its delivery to its ack, as last
	// measured; zero if it never was.
	Work    time.Duration
	History []Sample // oldest first, the newest is now
}

// Look asks the broker now and adds its answer to the record.
func (r *Recorder) Look(ctx context.Context) ([]Reading, error) {
	all, at, err := r.ask(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remember(all, at)
	out := make([]Reading, 0, len(all))
	for _, found := range all {
		lane := r.lanes[found.Consumer]
		out = append(out, Reading{Lag: found, Rates: lane.rates(), Work: lane.work, History: lane.history()})
	}
	return out, nil
}

// ask gives the broker's answer and the time that it is of.
func (r *Recorder) ask(ctx context.Context) ([]queue.Lag, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	asked := time.Now()
	all, err := r.broker.Lag(ctx)
	return all, asked.Add(time.Since(asked) / 2), err
}

// remember is called with the lock held. A consumer that is gone is forgotten.
func (r *Recorder) remember(all []queue.Lag, at time.Time) {
	there := make(map[queue.Consumer]*Lane, len(all))
	for _, found := range all {
		lane := r.lanes[found.Consumer]
		if lane == nil {
			lane = &Lane{}
		}
		there[found.Consumer] = lane
		lane.add(Sample{At: at, Pending: found.Pending, InFlight: uint64(found.InFlight), Delivered: found.Delivered}) //nolint:gosec // a count
	}
	r.lanes = there
}

// Work is how long a job of a queue takes, as last measured.
func (r *Recorder) Work(c queue.Consumer) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lane := r.lanes[c]
	if lane == nil || lane.work == 0 {
		return 0, false
	}
	return lane.work, true
}
