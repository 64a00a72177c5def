package worker

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/metrics/metricstest"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestMetricsOfRequests(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	value := func(name string, labels ...string) int {
		return metricstest.Count(t, registry, "alphapulse_"+name, labels...)
	}
	m := newExchangeMeasures(registry)
	policies := exchange.DefaultPolicies()
	policies.Observer, policies.BreakerMinimum = m, 3
	policies.RetryDelay, policies.RetryMaxDelay = time.Millisecond, 2*time.Millisecond
	budget, err := exchange.NewProcessBudget(exchange.BudgetConfig{Rate: 1000, Burst: 1000})
	require.NoError(t, err)
	hosts, err := exchange.NewHosts(policies, budget, queuetest.Discard())
	require.NoError(t, err)
	host, err := hosts.Get("exchange.test")
	require.NoError(t, err)
	require.Equal(t, 1, value("breaker_state", "host=exchange.test", "state=closed"))
	use := exchange.Use{Host: "exchange.test"}
	require.Nil(t, host.Caller.Do(t.Context(), exchange.Call{Use: use}, func(context.Context) error { return nil }))
	require.Equal(t, 1, value("exchange_requests_total", "host=exchange.test", "result=ok"))
	for range 3 {
		require.NotNil(t, host.Caller.Do(t.Context(), exchange.Call{Use: use}, func(context.Context) error {
			return &exchange.Error{Class: exchange.Transient}
		}))
	}
	require.Positive(t, value("exchange_requests_total", "result=transient"))
	require.Equal(t, 1, value("breaker_state", "state=open"))
	require.Zero(t, value("breaker_state", "state=closed"))
	require.Equal(t, 1, value("breaker_opened_total", "host=exchange.test"))
	require.Equal(t, value("exchange_requests_total"), value("exchange_request_seconds"))
	for _, other := range []string{"b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		m.Requested(other, time.Millisecond, nil)
	}
	require.Equal(t, 2, value("exchange_requests_total", "host=other"), "hosts are bounded")
	metricstest.Lint(t, metricstest.Gather(t, registry))
}

func TestMetricsOfTheBudget(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	registry := prometheus.NewPedanticRegistry()
	value := func(name string, labels ...string) int {
		return metricstest.Count(t, registry, "alphapulse_budget_"+name, labels...)
	}
	w, err := New(Config{Name: "w", Egress: "e", RequestsPerSecond: 50}, Deps{
		Writes: db, Claims: db, Log: queuetest.Discard(), Metrics: registry,
	})
	require.NoError(t, err)
	b := measuredBudget{w.budget, newExchangeMeasures(nil)}
	use := exchange.Use{Host: "h", Venue: "v", UID: "1", Endpoint: "/x", PerUID: exchange.Limit{Requests: 10, Window: time.Second}}
	require.NoError(t, b.Take(t.Context(), use))
	require.Equal(t, 50, value("requests_per_second", "venue=v"))
	require.Equal(t, 1, value("left_ratio", "venue=v"))
	now := time.Now()
	b.Learn(use, exchange.Allowance{Limit: 10, Remaining: 4, Sent: now, At: now})
	b.Learn(use, exchange.Allowance{Limit: 10, Remaining: 7, Sent: now, At: now})
	require.InDelta(t, 0.4, metricstest.Value(t, registry, "alphapulse_budget_left_ratio", "venue=v"), 1e-9, "the least of late")
	b.Report(use, &exchange.Error{Class: exchange.Banned, RetryAt: now.Add(time.Hour)})
	require.InDelta(t, 3600, value("ban_seconds", "venue=v"), 60)
	require.Error(t, b.Take(t.Context(), use))
	metricstest.Lint(t, metricstest.Gather(t, registry))
}

func TestMetricsOfBudgetWaits(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	registry := prometheus.NewPedanticRegistry()
	w, err := New(Config{Name: "w", Egress: "e"}, Deps{Writes: db, Claims: db, Log: queuetest.Discard()})
	require.NoError(t, err)
	b := measuredBudget{w.budget, newExchangeMeasures(registry)}
	use := exchange.Use{Host: "h", Venue: "v"}
	require.NoError(t, b.Take(t.Context(), use))
	require.Equal(t, 1, metricstest.Count(t, registry, "alphapulse_budget_wait_seconds", "priority=live"))
	b.Report(use, &exchange.Error{Class: exchange.Banned, RetryAt: time.Now().Add(time.Hour)})
	require.Error(t, b.Take(exchange.WithPriority(t.Context(), exchange.Backfill), use))
	require.Equal(t, 1, metricstest.Count(t, registry, "alphapulse_budget_wait_seconds", "priority=backfill"))
	require.Equal(t, 1, metricstest.Count(t, registry, "alphapulse_budget_refusals_total", "host=h", "class=banned"))
}
