package pgmetrics

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// figure is one number of a pool's Stats.
type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(postgres.Stats) float64
}

func level(name, help string, value func(postgres.Stats) float64) figure {
	return figure{prometheus.NewDesc("alphapulse_pool_"+name, help, []string{"pool"}, nil), prometheus.GaugeValue, value}
}

func count(name, help string, value func(postgres.Stats) int64) figure {
	return figure{
		prometheus.NewDesc("alphapulse_pool_"+name, help, []string{"pool"}, nil), prometheus.CounterValue,
		func(s postgres.Stats) float64 { return float64(value(s)) },
	}
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func figures() []figure {
	return []figure{
		level("connections_max", "Size of a pool.", func(s postgres.Stats) float64 { return float64(s.MaxConns) }),
		level("connections_in_use", "Connections of a pool that are lent.",
			func(s postgres.Stats) float64 { return float64(s.InUseConns) }),
		level("connections_idle", "Connections of a pool that are open and not lent.",
			func(s postgres.Stats) float64 { return float64(s.IdleConns) }),
		level("connections_connecting", "Connections of a pool that are being made.",
			func(s postgres.Stats) float64 { return float64(s.ConnectingConns) }),
		level("waiting", "Callers that wait for a connection of a pool.",
			func(s postgres.Stats) float64 { return float64(s.Waiting) }),
		level("failures_in_row", "Attempts in a row to connect or to ping that failed.",
			func(s postgres.Stats) float64 { return float64(s.Health.Failures) }),
		level("healthy", "1 while the server answered the last time that it was asked.",
			func(s postgres.Stats) float64 { return truth(s.Health.Healthy) }),
		level("alert", "1 while so many attempts in a row have failed that it is an alert.",
			func(s postgres.Stats) float64 { return truth(s.Health.Alert) }),
		count("opened_total", "Connections that were opened.", func(s postgres.Stats) int64 { return s.Opened }),
		count("closed_total", "Connections that were closed, for whatever reason.",
			func(s postgres.Stats) int64 { return s.Closed }),
		count("resets_total", "Times that all connections were given up because the server was stopping or no longer the primary.",
			func(s postgres.Stats) int64 { return s.Resets }),
		count("failed_checks_total", "Connections that did not answer when they were about to be lent, and were replaced.",
			func(s postgres.Stats) int64 { return s.FailedChecks }),
		count("retried_transactions_total", "Transactions that were run again after losing to another one.",
			func(s postgres.Stats) int64 { return s.Retried }),
		count("slow_transactions_total", "Transactions that took longer than they should.",
			func(s postgres.Stats) int64 { return s.SlowTransactions }),
	}
}

// pools reads the figures of all pools when the metrics are gathered.
type pools struct {
	figures []figure

	mu  sync.Mutex
	all []*postgres.DB
}

func newPools() *pools { return &pools{figures: figures()} }

func (p *pools) add(db *postgres.DB) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, db)
}

func (p *pools) list() []*postgres.DB {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.all)
}

// Describe implements prometheus.Collector.
func (p *pools) Describe(descs chan<- *prometheus.Desc) {
	for _, f := range p.figures {
		descs <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (p *pools) Collect(out chan<- prometheus.Metric) {
	for _, db := range p.list() {
		stats := db.Stats()
		for _, f := range p.figures {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(stats), stats.Pool)
		}
	}
}
