package pgmetrics_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/metrics/metricstest"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgmetrics"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// measured is a pool of one connection whose figures can be read.
func measured(t *testing.T) (*postgres.DB, func(name string, labels ...string) int, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	m := pgmetrics.New(registry)
	db := pgtest.New(t).Open(t, func(cfg *postgres.Config) {
		cfg.Name, cfg.MaxConns, cfg.AcquireTimeout = "writes", 1, time.Minute
		*cfg = m.Measure(*cfg)
	})
	m.Watch(db)
	return db, func(name string, labels ...string) int {
		return metricstest.Count(t, registry, name, labels...)
	}, registry
}

func TestPoolInUse(t *testing.T) {
	t.Parallel()
	db, value, registry := measured(t)
	require.NoError(t, db.Ping(t.Context()))
	conn, err := db.Acquire(t.Context(), "held")
	require.NoError(t, err)
	require.Equal(t, 1, value("alphapulse_pool_connections_in_use", "pool=writes"))
	require.Zero(t, value("alphapulse_pool_connections_idle"))
	require.Equal(t, 1, value("alphapulse_pool_connections_max"))
	require.Equal(t, 1, value("alphapulse_pool_opened_total"))
	require.Equal(t, 1, value("alphapulse_pool_healthy"))
	require.Zero(t, value("alphapulse_pool_alert"))
	conn.Release()
	require.Equal(t, 1, value("alphapulse_pool_connections_idle"))
	metricstest.Lint(t, metricstest.Gather(t, registry))
}

func TestFailedAcquires(t *testing.T) {
	t.Parallel()
	db, value, _ := measured(t)
	require.NoError(t, db.Ping(t.Context()))
	conn, err := db.Acquire(t.Context(), "held")
	require.NoError(t, err)
	defer conn.Release()
	waits := value("alphapulse_pool_acquire_seconds")
	soon, cancelSoon := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancelSoon()
	_, err = db.Acquire(soon, "in vain")
	require.ErrorIs(t, err, postgres.ErrPoolExhausted)
	require.Equal(t, 1, value("alphapulse_pool_acquire_failures_total", "reason=exhausted"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = db.Acquire(ctx, "given up")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, value("alphapulse_pool_acquire_failures_total", "reason=given_up"))
	require.GreaterOrEqual(t, value("alphapulse_pool_acquire_seconds"), waits+2)
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	m := pgmetrics.New(registry)
	db, err := postgres.Open(t.Context(), m.Measure(postgres.Config{
		URL: "postgres://nobody@127.0.0.1:1/none", Name: "away", AlertAfter: 1, HealthCheckPeriod: time.Hour,
	}))
	require.NoError(t, err)
	defer db.Close()
	m.Watch(db)
	require.Error(t, db.Ping(t.Context()))
	require.Equal(t, 1, metricstest.Count(t, registry, "alphapulse_pool_alert", "pool=away"))
	require.Positive(t, metricstest.Count(t, registry, "alphapulse_pool_failures_in_row", "pool=away"))
	require.Positive(t, metricstest.Count(t, registry, "alphapulse_pool_acquire_failures_total", "reason=unavailable"))
}

func TestTransactionsByOutcome(t *testing.T) {
	t.Parallel()
	db, value, registry := measured(t)
	run := func(label string, result error) {
		err := db.InTx(t.Context(), label, func(context.Context, pgx.Tx) error { return result })
		require.ErrorIs(t, err, result)
	}
	run("plan", nil)
	run("plan", nil)
	run("plan", errors.New("no"))
	require.Equal(t, 2, value("alphapulse_transaction_seconds", "transaction=plan", "outcome=committed"))
	require.Equal(t, 1, value("alphapulse_transaction_seconds", "transaction=plan", "outcome=rolled_back"))
	for i := range 100 {
		run(fmt.Sprint("number ", i), nil)
	}
	require.Equal(t, 53, value("alphapulse_transaction_seconds", "transaction=other"), "the labels are bounded")
	require.Less(t, metricstest.Series(metricstest.Gather(t, registry)), 600)
}

func TestReportingATransactionAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts what others allocate
	cfg := pgmetrics.New(nil).Measure(postgres.Config{Name: "writes"})
	report := postgres.TxReport{Pool: "writes", Label: "plan", Outcome: postgres.TxCommitted, Duration: time.Millisecond}
	cfg.OnTx(report)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		cfg.OnTx(report)
		cfg.OnAcquire(time.Millisecond, nil)
	}))
}
