package scheduler

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/metrics/metricstest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// measured is a scheduler whose metrics can be read.
func (f *fleet) measured(cfg Config) (*Scheduler, *prometheus.Registry, func(name string, labels ...string) int) {
	f.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	s, err := New(cfg, Deps{DB: f.db, Queue: f.queue, Log: queuetest.Discard(), Metrics: registry})
	require.NoError(f.t, err)
	return s, registry, func(name string, labels ...string) int {
		return metricstest.Count(f.t, registry, "alphapulse_"+name, labels...)
	}
}

func TestMetricsOfPlanning(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _, value := f.measured(Config{})
	f.accounts(2)
	due := func() {
		f.exec(`UPDATE alphapulse.schedules SET enabled = data_type = 'balances', next_at = clock_timestamp() - interval '20 s'`)
		_, err := s.planning.step(t.Context())
		require.NoError(t, err)
	}
	due()
	require.Equal(t, 2, value("runs_planned_total"))
	require.Equal(t, 2, value("jobs_planned_total", "data_type=balances"))
	require.Equal(t, 2, value("slot_lateness_seconds", "data_type=balances"))
	require.Zero(t, value("ticks_skipped_total"))
	due()
	require.Equal(t, 2, value("ticks_skipped_total", "data_type=balances"), "the first jobs are open still")
	require.Equal(t, 2, value("jobs_planned_total"))
	require.Equal(t, 4, value("slot_lateness_seconds"))
}

func TestMetricsOfPublishing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _, value := f.measured(Config{})
	f.manual(f.accounts(2))
	_, err := s.topology.step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2*len(syncjob.Known()), value("topology_created_total", "what=consumer"))
	due, err := f.ledger.TakeDue(t.Context(), 10)
	require.NoError(t, err)
	p := &publisher{metrics: s.metrics, ledger: f.ledger, queue: f.queue, log: queuetest.Discard(), receipts: newReceipts(f.ledger, 0)}
	require.NoError(t, p.publish(t.Context(), handed{jobs: due, at: time.Now()}))
	f.step(&loop{step: p.receipts.step})
	require.Equal(t, 2, value("publishes_total", "data_type=balances", "outcome=stored"))
	require.NoError(t, p.publish(t.Context(), handed{jobs: due, at: time.Now()}))
	f.step(&loop{step: p.receipts.step})
	require.Equal(t, 2, value("publishes_total", "data_type=balances", "outcome=duplicate"), "deduplicated by the broker")
	require.Zero(t, value("republishes_total"))

	f.broker.Wipe()
	f.reconnect()
	require.Eventually(t, func() bool { _, err := s.topology.step(t.Context()); return err == nil }, patience, time.Millisecond)
	require.Positive(t, value("topology_created_total", "what=stream"))
	_, err = s.lining.step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, value("swept_total", "part=gone"))
	f.settle(s)
	require.Equal(t, 2, value("republishes_total", "data_type=balances"))
}

func TestMetricsOfSweeps(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _, value := f.measured(Config{})
	f.manual(f.accounts(1))
	f.settle(s)
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'running', attempt = 1, claim = gen_random_uuid(), claimed_at = clock_timestamp(),
	        lease_until = clock_timestamp() - interval '1 s', timeout_at = clock_timestamp() WHERE status = 'queued'`)
	_, err := s.sweeping.step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, value("swept_total", "part=lost"))
	require.Zero(t, value("swept_total", "part=overdue"))
}

func TestMetricsOfLoops(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _, value := f.measured(Config{})
	_, err := s.planning.once(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, value("scheduler_steps_total", "loop=plan", "outcome=ok"))
	f.broker.Stop()
	_, err = s.topology.once(t.Context())
	require.Error(t, err)
	require.Equal(t, 1, value("scheduler_steps_total", "loop=topology", "outcome=failed"))
}

func TestMetricsOfPurges(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	cfg := f.broker.Config()
	cfg.Limits.JobsBytes = 64 << 10
	f.queue = f.broker.Connect(cfg)
	s, _, value := f.measured(Config{Batch: 5000})
	f.manual(f.accounts(200))
	_, err := s.topology.step(t.Context())
	require.NoError(t, err)
	for range 3 { // until it refuses
		_, _ = s.publishing.step(t.Context())
	}
	require.Positive(t, value("publishes_total", "outcome=refused"))
	for _, d := range f.take(value("publishes_total", "outcome=stored")) {
		require.NoError(t, d.Ack(t.Context()))
	}
	_, err = s.purging.step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, value("purges_total"))
	require.Positive(t, value("purged_messages_total"))
	require.Equal(t, 64<<10, value("job_stream_max_bytes"))
}

func TestFiguresOfTheTables(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	_, registry, value := f.measured(Config{})
	ids := f.accounts(3)
	f.manual(ids[:1])
	f.exec(`UPDATE alphapulse.schedules SET enabled = true WHERE data_type = 'balances'`)
	f.exec(`INSERT INTO alphapulse.sync_state (account_id, data_type, as_of) VALUES ($1, 'balances', clock_timestamp() - interval '1 hour'),
	        ($2, 'balances', clock_timestamp())`, ids[0], ids[1])
	f.exec(`UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() + interval '3 days' WHERE id = $1`, ids[0])
	f.exec(`UPDATE alphapulse.markets SET stretch = 2.5`)
	f.exec(`INSERT INTO alphapulse.egresses (egress, market_id, banned_until)
	        SELECT 'office', id, clock_timestamp() + interval '10 minutes' FROM alphapulse.markets`)
	f.exec(`INSERT INTO alphapulse.quarantine (account_id, data_type, scope, reason, payload, payload_hash, run_id)
	        VALUES ($1, 'fills', 's', 'r', 'p', '\x01', gen_random_uuid())`, ids[0])
	f.exec(`UPDATE alphapulse.sync_jobs SET queued_at = clock_timestamp() - interval '1 minute' WHERE data_type = 'balances'`)
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'dead', cancel_reason = NULL
	        WHERE data_type = 'probe' AND account_id IN ($1, $2)`, ids[1], ids[2])
	f.exec(`INSERT INTO alphapulse.dead_letters_resolved (job_id, resolution, resolved_by)
	        SELECT id, 'discarded', 'somebody' FROM alphapulse.sync_jobs WHERE data_type = 'probe' AND account_id = $1`, ids[1])

	market := []string{"exchange=bybit", "environment=testnet"}
	balances := append(market, "data_type=balances")
	require.Equal(t, 3, value("freshness_accounts", balances...))
	require.Equal(t, 2, value("freshness_stale_accounts", balances...), "one is old, one was never read")
	require.InDelta(t, 3600, value("freshness_worst_age_seconds", balances...), 60)
	require.Equal(t, 1, value("runs", "status=running", "trigger=manual"))
	require.Equal(t, 3, value("runs", "status=cancelled"), "the probes")
	require.Equal(t, 1, value("jobs_open", "data_type=balances", "lane=live", "status=queued"))
	require.InDelta(t, 60, value("jobs_open_oldest_seconds", "data_type=balances", "status=queued"), 30)
	require.Equal(t, 1, value("dead_jobs", "data_type=probe"), "the other one is dealt with")
	require.Equal(t, 1, value("quarantine_rows", "data_type=fills"))
	require.Equal(t, 3, value("accounts", "status=active"))
	require.Equal(t, 1, value("keys_expiring"))
	require.InDelta(t, 3*24*3600, value("key_expiry_soonest_seconds"), 60)
	require.Equal(t, 1, value("bans_in_force", market...))
	require.InDelta(t, 600, value("ban_longest_seconds", market...), 60)
	require.InDelta(t, 2.5, metricstest.Value(t, registry, "alphapulse_market_stretch_ratio", market...), 1e-9)
	require.Zero(t, value("pauses_in_force"))
	require.InDelta(t, time.Now().Unix(), value("tables_read_timestamp_seconds"), 60)
	metricstest.Lint(t, metricstest.Gather(t, registry))
}

// Whoever asks often costs the database nothing, and one that cannot be asked
// leaves the figures before for a while.
func TestFiguresAreKept(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	one := newFigures(f.db, queuetest.Discard(), false)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(one)
	value := func(name string) int { return metricstest.Count(t, registry, "alphapulse_"+name) }
	require.Zero(t, value("accounts"))
	f.accounts(1)
	require.Zero(t, value("accounts"), "they are fifteen seconds old at most")
	one.tried = time.Now().Add(-figuresRarely)
	require.Equal(t, 1, value("accounts"))

	f.exec(`ALTER TABLE alphapulse.quarantine RENAME TO elsewhere`)
	one.tried = time.Now().Add(-figuresRarely)
	require.Equal(t, 1, value("accounts"))
	require.Equal(t, 1, value("tables_read_failures_total"))
	one.read = time.Now().Add(-figuresLife)
	require.Zero(t, value("accounts"), "what nobody knows any more is not shown")
	require.Positive(t, value("tables_read_timestamp_seconds"), "but when it was known")
}

func TestFiguresOfAccountsOnlyIfAskedFor(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.accounts(2)
	f.exec(`UPDATE alphapulse.schedules SET enabled = true`)
	_, registry, value := f.measured(Config{MetricsAccounts: true})
	require.Positive(t, value("account_stale", "account=account-1", "data_type=orders"))
	metricstest.Lint(t, metricstest.Gather(t, registry))
	_, registry, _ = f.measured(Config{})
	for _, family := range metricstest.Gather(t, registry) {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				require.NotEqual(t, "account", l.GetName(), family.GetName())
			}
		}
	}
}

// A thousand accounts of a scheduler that has seen everything.
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, registry, _ := f.measured(Config{})
	f.exec(`WITH m AS (INSERT INTO alphapulse.markets (exchange, environment, base_url)
	                   SELECT 'bybit', 'mainnet', 'https://host-' || n FROM generate_series(1, 100) n RETURNING id),
	             a AS (INSERT INTO alphapulse.accounts (name, market_id, status, key_version)
	                   SELECT 'account-' || n, (SELECT min(id::text)::uuid FROM m), 'active', 1 FROM generate_series(1, 1000) n
	                   RETURNING id)
	        INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
	        SELECT a.id, t, interval '1 minute', clock_timestamp() FROM a, unnest($1::text[]) t`, types())
	for _, t := range types() {
		for _, outcome := range []string{"stored", "duplicate", "refused", "unknown"} {
			s.metrics.publishes.WithLabelValues(t, outcome)
		}
		for _, c := range []*prometheus.CounterVec{s.metrics.planned, s.metrics.skipped, s.metrics.republishes} {
			c.WithLabelValues(t)
		}
		s.metrics.lateness.WithLabelValues(t)
	}
	for _, l := range s.loops() {
		s.metrics.step(l.name, nil)
		s.metrics.step(l.name, fmt.Errorf("no"))
	}
	families := metricstest.Gather(t, registry)
	n := metricstest.Series(families)
	t.Log(n, "series")
	require.Less(t, n, 600)
	require.Equal(t, 1000, metricstest.Count(t, registry, "alphapulse_freshness_accounts", "data_type=orders"))
}

func types() []string {
	var names []string
	for _, t := range syncjob.Known() {
		names = append(names, string(t))
	}
	return names
}
