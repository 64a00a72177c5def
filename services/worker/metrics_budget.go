package worker

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/alphapulse/alphapulse/services/worker/budget"
	"github.com/alphapulse/alphapulse/shared/metrics"
)

// budgetCollector reads where the process stands in the fleet's budget when the
// metrics are gathered.
type budgetCollector struct {
	fleet                                  *budget.Fleet
	venues                                 *metrics.Cap
	allowed, leased, waiting, left, banned *prometheus.Desc
}

func newBudgetCollector(fleet *budget.Fleet) *budgetCollector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("alphapulse_budget_"+name, help, []string{"venue"}, nil)
	}
	return &budgetCollector{
		fleet: fleet, venues: metrics.NewCap(mostHosts),
		allowed: desc("requests_per_second", "Requests that all workers of this address may send in a second."),
		leased:  desc("leased_requests", "Requests that this worker may send and has not yet."),
		waiting: desc("waiting_requests", "Requests of this worker that wait for their turn."),
		left:    desc("left_ratio", "Least part of an account's limit that was left, as the exchange told lately."),
		banned:  desc("ban_seconds", "Time that the venue refuses this address for; 0 if it does not."),
	}
}

// Describe implements prometheus.Collector.
func (c *budgetCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.allowed, c.leased, c.waiting, c.left, c.banned} {
		descs <- d
	}
}

// Collect implements prometheus.Collector. Venues beyond the bound are left out:
// their levels cannot be added up.
func (c *budgetCollector) Collect(out chan<- prometheus.Metric) {
	for _, s := range c.fleet.Standings() {
		venue := c.venues.Value(s.Venue)
		if venue == metrics.Other {
			continue
		}
		level := func(desc *prometheus.Desc, value float64) {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, venue)
		}
		level(c.allowed, s.RequestsPerSecond)
		level(c.leased, float64(s.Leased))
		level(c.waiting, float64(s.Waiting))
		level(c.banned, s.Banned.Seconds())
		level(c.left, s.Left)
	}
}
