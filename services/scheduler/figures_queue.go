package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/lag"
)

// queueFigures tell how far each queue is behind, as `alphapulse lag` does. Like
// the figures of the tables they are read when the metrics are gathered, and are
// the same at every scheduler. What the broker says and what the tables say are
// kept and forgotten apart: while one is away, the other's figures stay true.
type queueFigures struct {
	ledger   *ledger.Ledger
	recorder *lag.Recorder
	log      *logrus.Entry

	jobs, redelivered, oldest, arrival, completion, drain *prometheus.Desc

	mu       sync.Mutex
	tried    time.Time
	inUse    []queue.Consumer // those of the markets, as last known
	lanes    map[queue.Consumer]lag.Reading
	asked    time.Time // when lanes were read
	backlogs map[queue.Consumer]ledger.Backlog
	counted  time.Time // when backlogs were read
}

func newQueueFigures(l *ledger.Ledger, recorder *lag.Recorder, log *logrus.Entry) *queueFigures {
	labels := []string{"exchange", "environment", "data_type", "lane"}
	return &queueFigures{
		ledger: l, recorder: recorder, log: log,
		jobs: newDesc("queue_jobs", "Jobs of a queue by state: pending and in_flight as the broker counts them, "+
			"snoozed until their time comes, and stale messages, of jobs that are over.", append(labels, "state")...),
		redelivered: newDesc("queue_redelivered", "Messages in flight that were delivered more than once.", labels...),
		oldest:      newDesc("queue_oldest_seconds", "Age of the oldest job that is not done and not held back; 0 if there is none.", labels...),
		arrival:     newDesc("queue_arrival_per_second", "Messages that come, of late; absent while it is not known.", labels...),
		completion:  newDesc("queue_completion_per_second", "Messages that are settled, of late; absent while it is not known.", labels...),
		drain:       newDesc("queue_drain_seconds", "Time until the queue is empty at these rates; absent while it does not shrink.", labels...),
	}
}

// Describe implements prometheus.Collector.
func (f *queueFigures) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.jobs, f.redelivered, f.oldest, f.arrival, f.completion, f.drain} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (f *queueFigures) Collect(out chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.tried) >= figuresAge {
		f.refresh()
	}
	broker, tables := time.Since(f.asked) <= figuresLife, time.Since(f.counted) <= figuresLife
	together := f.counted.Sub(f.asked).Abs() < figuresAge
	for c := range f.shown() {
		labels := []string{c.Exchange, c.Environment, string(c.DataType), string(c.Lane)}
		lane, backlog := f.lanes[c], f.backlogs[c]
		state := func(name string, n uint64) {
			out <- prometheus.MustNewConstMetric(f.jobs, prometheus.GaugeValue, float64(n), append(labels, name)...)
		}
		if broker {
			state("pending", lane.Pending)
			state("in_flight", inFlight(lane))
			f.collectRates(out, lane, labels)
		}
		if tables {
			state("snoozed", counted(backlog.Snoozed))
			out <- gaugeOf(f.oldest, ageOf(backlog), labels)
		}
		if broker && tables && together {
			state("stale", lag.Stale(lane.Pending, inFlight(lane), counted(backlog.Published+backlog.Running)))
		}
	}
}

// collectRates leaves out what is not known. A queue that the broker does not
// have moves nothing.
func (f *queueFigures) collectRates(out chan<- prometheus.Metric, lane lag.Reading, labels []string) {
	out <- gaugeOf(f.redelivered, float64(lane.Redelivered), labels)
	if lane.Rates.Window > 0 || len(lane.History) == 0 {
		out <- gaugeOf(f.arrival, lane.Rates.Arrival, labels)
		out <- gaugeOf(f.completion, lane.Rates.Completion, labels)
	}
	if drain, ok := lane.Rates.Drain(lane.Pending, inFlight(lane)); ok {
		out <- gaugeOf(f.drain, drain.Seconds(), labels)
	}
}

// shown are the queues of the markets in use, and others with something in them.
func (f *queueFigures) shown() map[queue.Consumer]bool {
	shown := map[queue.Consumer]bool{}
	for _, c := range f.inUse {
		shown[c] = true
	}
	for c, lane := range f.lanes {
		if lane.Pending > 0 || lane.InFlight > 0 {
			shown[c] = true
		}
	}
	for c := range f.backlogs {
		shown[c] = true
	}
	return shown
}

// refresh reads the broker first, as the API does: a job that ends between the
// two readings then counts as stale for a moment, where the other order would
// lose one.
func (f *queueFigures) refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), figuresTime)
	defer cancel()
	f.tried = time.Now()
	if err := f.ask(ctx); err != nil {
		f.log.WithError(err).Warn("the broker does not say how long its queues are; the metrics go without")
	}
	if err := f.count(ctx); err != nil {
		f.log.WithError(err).Warn("the open jobs could not be counted for the metrics of the queues")
	}
}

func (f *queueFigures) ask(ctx context.Context) error {
	readings, err := f.recorder.Look(ctx)
	if err != nil {
		return err
	}
	f.lanes, f.asked = make(map[queue.Consumer]lag.Reading, len(readings)), time.Now()
	for _, r := range readings {
		f.lanes[r.Consumer] = r
	}
	return nil
}

func (f *queueFigures) count(ctx context.Context) error {
	backlogs, err := f.ledger.MovingBacklogs(ctx, figuresStatement)
	if err != nil {
		return err
	}
	inUse, err := consumersOf(ctx, f.ledger)
	if err != nil {
		return err
	}
	f.inUse, f.counted = inUse, time.Now()
	f.backlogs = make(map[queue.Consumer]ledger.Backlog, len(backlogs))
	for _, b := range backlogs {
		if c, err := queue.ParseConsumer(b.Consumer); err == nil { // else it is not a name that we give
			f.backlogs[c] = b
		}
	}
	return nil
}

func inFlight(lane lag.Reading) uint64 { return counted(int64(lane.InFlight)) }

func counted(n int64) uint64 {
	return uint64(max(n, 0)) //nolint:gosec // a count
}

func ageOf(b ledger.Backlog) float64 {
	if b.Age == nil {
		return 0
	}
	return max(b.Age.Seconds(), 0)
}
