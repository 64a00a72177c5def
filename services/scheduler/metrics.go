package scheduler

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/metrics"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// measures are the metrics of what a scheduler does. What the tables say is in
// figures.
type measures struct {
	steps, planned, skipped, publishes, republishes, swept, started, created, pruned *prometheus.CounterVec
	runs, purged, purges, warnings                                                   prometheus.Counter
	reachLost                                                                        prometheus.Counter
	lateness                                                                         *prometheus.HistogramVec
	streamBytes, streamMax                                                           prometheus.Gauge
}

func newMeasures(registry prometheus.Registerer) *measures {
	factory := promauto.With(registry)
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return factory.NewCounterVec(prometheus.CounterOpts{Name: "alphapulse_" + name, Help: help}, labels)
	}
	counter := func(name, help string) prometheus.Counter {
		return factory.NewCounter(prometheus.CounterOpts{Name: "alphapulse_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return factory.NewGauge(prometheus.GaugeOpts{Name: "alphapulse_" + name, Help: help})
	}
	return &measures{
		steps: counters("scheduler_steps_total", "Steps of the scheduler's loops, by how they ended: ok or failed.", "loop", "outcome"),
		runs:  counter("runs_planned_total", "Runs that were planned because slots of schedules were due."),
		planned: counters("jobs_planned_total", "Jobs that were planned because slots of schedules were due.",
			"data_type"),
		skipped: counters("ticks_skipped_total",
			"Due slots for which no job was made: the one before is open still, or the market is paused, banned or not in use.", "data_type"),
		lateness: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alphapulse_slot_lateness_seconds", Buckets: metrics.Waits(),
			Help: "Time from when a slot was due until it was planned or skipped.",
		}, []string{"data_type"}),
		publishes: counters("publishes_total",
			"Publications of jobs: stored, duplicate (it was stored before), refused, or unknown (no answer).", "data_type", "outcome"),
		republishes: counters("republishes_total", "Publications of jobs that had been published before: retries, and messages that were lost.",
			"data_type"),
		swept: counters("swept_total", "What sweeps found left behind and brought on, by the part of the sweep.", "part"),
		started: counters("maintenance_runs_total", "Runs that were started unasked: to fill holes, to verify a sample, or to try a key again.",
			"trigger"),
		warnings: counter("key_warnings_total", "Warnings of keys that expire."),
		created:  counters("topology_created_total", "Streams and consumers that were missing and made.", "what"),
		purges:   counter("purges_total", "Purges of the job stream, because it was nearly full."),
		purged:   counter("purged_messages_total", "Messages that purges of the job stream removed."),
		reachLost: counter("purge_reach_lost_seconds_total",
			"Time by which purges of the job stream shortened how far a replay reaches back."),
		streamBytes: gauge("job_stream_bytes", "Size of the job stream as it was last looked at."),
		streamMax:   gauge("job_stream_max_bytes", "Size at which the job stream refuses jobs."),
		pruned:      counters("pruned_total", "Rows that were removed because they are past their retention.", "what"),
	}
}

// step counts one step of a loop.
func (m *measures) step(loop string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.steps.WithLabelValues(loop, outcome).Inc()
}

// slots counts what became of due slots.
func (m *measures) slots(planned ledger.Planned, slots []ledger.Slot) {
	m.runs.Add(float64(planned.Runs))
	for _, s := range slots {
		if s.Plan {
			m.planned.WithLabelValues(s.DataType).Inc()
		} else {
			m.skipped.WithLabelValues(s.DataType).Inc()
		}
		m.lateness.WithLabelValues(s.DataType).Observe(max(s.Late, 0).Seconds())
	}
}

// published counts a publication of a job.
func (m *measures) published(t syncjob.DataType, publishes int, at queue.Published) {
	outcome := "unknown"
	switch {
	case at.Err == nil && at.Duplicate:
		outcome = "duplicate"
	case at.Err == nil:
		outcome = "stored"
	case errors.Is(at.Err, queue.ErrRefused), errors.Is(at.Err, queue.ErrInvalid):
		outcome = "refused"
	}
	m.publishes.WithLabelValues(string(t), outcome).Inc()
	if publishes > 1 {
		m.republishes.WithLabelValues(string(t)).Inc()
	}
}

// Parts of sweeps, by which what they found is counted.
const (
	sweptLost        = "lost"
	sweptOverdue     = "overdue"
	sweptFollowers   = "followers"
	sweptUnconfirmed = "unconfirmed"
	sweptHeld        = "held"
	sweptGone        = "gone"
	sweptPaused      = "paused"
)

func (m *measures) sweep(part string, n int) { m.swept.WithLabelValues(part).Add(float64(n)) }

// purge counts a look at the size of the job stream.
func (m *measures) purge(p queue.Purge) {
	m.streamBytes.Set(float64(p.BytesAfter))
	m.streamMax.Set(float64(max(p.MaxBytes, 0)))
	if !p.Needed {
		return
	}
	m.purges.Inc()
	m.purged.Add(float64(p.Removed))
	m.reachLost.Add(max(p.ReachLost, time.Duration(0)).Seconds())
}

func (m *measures) prune(kind string, n int) { m.pruned.WithLabelValues(kind).Add(float64(n)) }
