// Package pgmetrics makes the figures of a process's pools metrics. It stands
// apart from package postgres so that who measures nothing needs no metrics
// library.
package pgmetrics

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alphapulse/alphapulse/shared/metrics"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// Metrics are those of the pools of one process. Give Measure the settings of a
// pool before it is opened, and Watch the pool.
type Metrics struct {
	acquires     *prometheus.HistogramVec
	failures     *prometheus.CounterVec
	transactions *transactions
	pools        *pools
}

// New registers the metrics; with nil they are counted and shown to nobody. A
// registry takes them once.
func New(registry prometheus.Registerer) *Metrics {
	factory := promauto.With(registry)
	m := &Metrics{
		acquires: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alphapulse_pool_acquire_seconds", Buckets: metrics.Fast(),
			Help: "Wait for a connection of a pool, in vain or not.",
		}, []string{"pool"}),
		failures: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "alphapulse_pool_acquire_failures_total",
			Help: "Waits for a connection that ended without one: exhausted, unavailable or given_up by the caller.",
		}, []string{"pool", "reason"}),
		transactions: newTransactions(factory),
		pools:        newPools(),
	}
	if registry != nil {
		registry.MustRegister(m.pools)
	}
	return m
}

// Measure has a pool that is about to be opened report here.
func (m *Metrics) Measure(cfg postgres.Config) postgres.Config {
	cfg.OnTx = m.transactions.observe
	acquires := m.acquires.WithLabelValues(cfg.Name)
	exhausted := m.failures.WithLabelValues(cfg.Name, "exhausted")
	unavailable := m.failures.WithLabelValues(cfg.Name, "unavailable")
	givenUp := m.failures.WithLabelValues(cfg.Name, "given_up")
	cfg.OnAcquire = func(waited time.Duration, err error) {
		acquires.Observe(waited.Seconds())
		switch {
		case err == nil:
		case errors.Is(err, postgres.ErrPoolExhausted):
			exhausted.Inc()
		case errors.Is(err, context.Canceled):
			givenUp.Inc()
		default:
			unavailable.Inc()
		}
	}
	return cfg
}

// Watch reads the pool's figures whenever the metrics are read. The pool's name
// must be its own within the process.
func (m *Metrics) Watch(db *postgres.DB) { m.pools.add(db) }

// WatchGate shows whether a service takes work. A process may run several.
func WatchGate(registry prometheus.Registerer, service string, gate *postgres.Gate) {
	promauto.With(registry).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "alphapulse_gate_open", Help: "1 while a service takes work, 0 while the database is away and it takes none.",
		ConstLabels: prometheus.Labels{"service": service},
	}, func() float64 { return truth(gate.IsOpen()) })
}
