package scheduler

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/metrics/metricstest"
	"github.com/alphapulse/alphapulse/shared/queue/lag"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// gauges are the figures of the queues as a test reads them.
type gauges struct {
	t        *testing.T
	figures  *queueFigures
	registry *prometheus.Registry
}

func (f *fleet) gauges() *gauges {
	f.t.Helper()
	g := &gauges{t: f.t, registry: prometheus.NewPedanticRegistry()}
	g.figures = newQueueFigures(f.ledger, lag.NewRecorder(f.queue, queuetest.Discard()), queuetest.Discard())
	g.registry.MustRegister(g.figures)
	return g
}

// again lets the next reading ask anew.
func (g *gauges) again() { g.figures.tried = time.Now().Add(-figuresRarely) }

// of is what a series of balances shows, or nil if there is none.
func (g *gauges) of(name string, labels ...string) *float64 {
	g.t.Helper()
	return g.series(name, append([]string{"data_type=balances", "lane=live"}, labels...)...)
}

func (g *gauges) series(name string, labels ...string) *float64 {
	g.t.Helper()
	name = "alphapulse_queue_" + name
	for _, family := range metricstest.Gather(g.t, g.registry) {
		if family.GetName() == name && metricstest.Has(family, labels...) {
			value := metricstest.Value(g.t, g.registry, name, labels...)
			return &value
		}
	}
	return nil
}

func (g *gauges) require(want float64, name string, labels ...string) {
	g.t.Helper()
	value := g.of(name, labels...)
	require.NotNil(g.t, value, "%s %v", name, labels)
	require.InDelta(g.t, want, *value, 1e-9, "%s %v", name, labels)
}

func TestFiguresOfTheQueues(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	ids := f.accounts(4)
	f.manual(ids)
	f.settle(s)
	f.exec(`UPDATE alphapulse.sync_jobs SET queued_at = clock_timestamp() - interval '1 minute' WHERE account_id = $1`, ids[0])
	g := f.gauges()
	g.require(4, "jobs", "state=pending", "exchange=bybit", "environment=testnet")
	for _, state := range []string{"in_flight", "snoozed", "stale"} {
		g.require(0, "jobs", "state="+state)
	}
	g.require(0, "redelivered")
	require.InDelta(t, 60, *g.of("oldest_seconds"), 30)
	require.Nil(t, g.of("drain_seconds"), "nobody works")
	require.Nil(t, g.of("completion_per_second"), "one look says nothing of the time")

	// All are in hand, one of them for the second time; one was put off, and one was
	// cancelled.
	require.NoError(t, f.take(4)[0].Nak(0))
	f.take(1)
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'waiting', wait_reason = 'retry', next_at = clock_timestamp() + interval '1 hour'
WHERE data_type = 'balances' AND account_id = $1`, ids[0])
	require.NoError(t, f.ledger.EndRun(t.Context(), f.openRun(ids[1]), syncjob.CancelUser))
	g.require(4, "jobs", "state=pending")
	g.again()
	g.require(0, "jobs", "state=pending")
	g.require(4, "jobs", "state=in_flight")
	g.require(1, "jobs", "state=snoozed")
	g.require(2, "jobs", "state=stale")
	g.require(1, "redelivered")
	metricstest.Lint(t, metricstest.Gather(t, g.registry))
}

// An alert that has fired is over when the queue is empty, so its series is 0 and
// not gone.
func TestEmptyQueuesShowZero(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.accounts(1)
	g := f.gauges()
	for _, made := range []bool{false, true} { // the consumers
		for _, lane := range []string{"live", "backfill"} {
			for _, name := range []string{"jobs", "redelivered", "oldest_seconds", "drain_seconds"} {
				value := g.series(name, "data_type=fills", "lane="+lane)
				require.NotNil(t, value, "%s, made %v", name, made)
				require.Zero(t, *value)
			}
		}
		s, _ := f.scheduler(Config{})
		f.settle(s)
		g.again()
	}
	g.require(0, "arrival_per_second")
	g.require(0, "completion_per_second")
}

// The broker's absence does not hide how old the oldest job is, nor the
// database's how long the queues are.
func TestFiguresOfTheQueuesAreForgottenApart(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	f.manual(f.accounts(2))
	f.settle(s)
	g := f.gauges()
	g.require(2, "jobs", "state=pending")

	f.exec(`ALTER TABLE alphapulse.sync_jobs RENAME TO elsewhere`)
	g.again()
	g.require(0, "jobs", "state=snoozed")
	g.figures.counted = time.Now().Add(-figuresLife)
	require.Nil(t, g.of("jobs", "state=snoozed"))
	require.Nil(t, g.of("jobs", "state=stale"))
	require.Nil(t, g.of("oldest_seconds"))
	g.require(2, "jobs", "state=pending")

	f.exec(`ALTER TABLE alphapulse.elsewhere RENAME TO sync_jobs`)
	f.broker.Stop()
	g.again()
	g.require(2, "jobs", "state=pending")
	g.figures.asked = time.Now().Add(-figuresLife)
	require.Nil(t, g.of("jobs", "state=pending"), "unknown is not zero")
	require.Nil(t, g.of("drain_seconds"))
	g.require(0, "jobs", "state=snoozed")
	require.NotNil(t, g.of("oldest_seconds"))
}

// Between two readings of the metrics the scheduler looks by itself, so that the
// rates are of the last seconds.
func TestTheSchedulerWatchesTheQueues(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _, _ := f.measured(Config{})
	f.manual(f.accounts(10))
	f.settle(s)
	f.start(s)
	for began := time.Now(); ; {
		for _, d := range f.take(10) {
			require.NoError(t, d.Nak(0))
		}
		if work, known := s.recorder.Work(balances()); known {
			require.Positive(t, work)
			return
		}
		require.Less(t, time.Since(began), patience, "nobody has measured how long a job takes")
	}
}

// TestFiguresThatTakeLongAreReadLessOften: but never less often than once a minute.
func TestFiguresThatTakeLongAreReadLessOften(t *testing.T) {
	t.Parallel()
	require.Equal(t, figuresAge, figuresPause(100*time.Millisecond))
	require.Equal(t, 40*time.Second, figuresPause(2*time.Second))
	require.Equal(t, figuresRarely, figuresPause(8*time.Second))
}
