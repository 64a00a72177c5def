package aggregator

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/metrics"
)

// measures are the metrics of an aggregator.
type measures struct {
	results, announced, runs, swept, sweeps *prometheus.CounterVec
	seconds                                 *prometheus.HistogramVec
}

// What may be announced.
const (
	announcedRun  = "run"
	announcedData = "data"
	announcedDead = "dead"
)

func newMeasures(registry prometheus.Registerer) *measures {
	factory := promauto.With(registry)
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return factory.NewCounterVec(prometheus.CounterOpts{Name: "alphapulse_" + name, Help: help}, labels)
	}
	return &measures{
		results: counters("results_total",
			"Results of jobs that were handled: folded (it ended its run), open (jobs of the run are), unknown (no such run), or failed.",
			"outcome"),
		announced: counters("announcements_total", "Announcements of ended runs, changed data and dead jobs: ok or failed.",
			"kind", "outcome"),
		runs: counters("runs_total", "Runs that ended, each counted when it is announced.", "status", "trigger"),
		swept: counters("aggregator_swept_total",
			"What sweeps found left undone: unfolded runs, and runs and jobs that were not announced.", "part"),
		sweeps: counters("aggregator_sweeps_total", "Sweeps, by how they ended: ok or failed.", "outcome"),
		seconds: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alphapulse_run_seconds", Buckets: metrics.Waits(), Help: "Duration of runs that ended, from their start.",
		}, []string{"trigger"}),
	}
}

func outcomeOf(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}

// handled counts a result by what the fold of its run came to.
func (m *measures) handled(folded bool, err error) {
	outcome := "open"
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		outcome = "unknown"
	case err != nil:
		outcome = "failed"
	case folded:
		outcome = "folded"
	}
	m.results.WithLabelValues(outcome).Inc()
}

// announcement counts one, made or not.
func (m *measures) announcement(kind string, err error) {
	m.announced.WithLabelValues(kind, outcomeOf(err)).Inc()
}

// ended counts a run that was announced.
func (m *measures) ended(run ledger.Run) {
	m.runs.WithLabelValues(string(run.Status), string(run.Trigger)).Inc()
	if run.StartedAt != nil && run.FinishedAt != nil {
		m.seconds.WithLabelValues(string(run.Trigger)).Observe(max(run.FinishedAt.Sub(*run.StartedAt).Seconds(), 0))
	}
}

func (m *measures) sweep(part string, n int) { m.swept.WithLabelValues(part).Add(float64(n)) }

func (m *measures) sweptOnce(err error) { m.sweeps.WithLabelValues(outcomeOf(err)).Inc() }
