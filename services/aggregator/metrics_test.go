package aggregator

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/metrics/metricstest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// measured is an aggregator whose metrics can be read.
func (f *fixture) measured() (*Aggregator, *prometheus.Registry, func(name string, labels ...string) int) {
	f.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	a, err := New(Config{}, Deps{DB: f.db, Queue: f.queue, Log: queuetest.Discard(), Metrics: registry})
	require.NoError(f.t, err)
	return a, registry, func(name string, labels ...string) int {
		return metricstest.Count(f.t, registry, "alphapulse_"+name, labels...)
	}
}

func TestMetricsOfFoldsAndAnnouncements(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, registry, value := f.measured()
	runID, jobs := f.run()
	f.end(jobs[0].ID, syncjob.Succeeded, 3)
	require.NoError(t, handleOne(t.Context(), a, f.result(runID, jobs[0], syncjob.Succeeded)))
	require.Equal(t, 1, value("results_total", "outcome=open"))
	require.Equal(t, 1, value("announcements_total", "kind=data", "outcome=ok"))
	f.end(jobs[1].ID, syncjob.Dead, 0)
	require.NoError(t, handleOne(t.Context(), a, f.result(runID, jobs[1], syncjob.Dead)))
	require.Equal(t, 1, value("results_total", "outcome=folded"))
	require.Equal(t, 1, value("announcements_total", "kind=dead", "outcome=ok"))
	require.Equal(t, 1, value("announcements_total", "kind=run", "outcome=ok"))
	require.Equal(t, 1, value("runs_total", "status=partial", "trigger=manual"))
	require.Equal(t, 1, value("run_seconds", "trigger=manual"))
	gone := f.result(uuid.NewString(), jobs[0], syncjob.Succeeded)
	require.NoError(t, handleOne(t.Context(), a, gone))
	require.Equal(t, 1, value("results_total", "outcome=unknown"))
	metricstest.Lint(t, metricstest.Gather(t, registry))
	require.Less(t, metricstest.Series(metricstest.Gather(t, registry)), 100)
}

func TestMetricsOfASweep(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, _, value := f.measured()
	a.cfg.Sweep = time.Nanosecond // no result is under way
	runID, jobs := f.run()
	for _, job := range jobs {
		f.end(job.ID, syncjob.Failed, 0)
	}
	f.broker.Stop()
	require.NoError(t, a.sweepOnce(t.Context()), "the fold is what counts")
	require.Equal(t, 1, value("aggregator_swept_total", "part=unfolded"))
	require.Equal(t, 1, value("announcements_total", "kind=run", "outcome=failed"))
	require.Zero(t, value("runs_total"))
	require.Equal(t, syncjob.RunFailed, f.status(runID))
	a.metrics.sweptOnce(nil)
	require.Equal(t, 1, value("aggregator_sweeps_total", "outcome=ok"))
}
