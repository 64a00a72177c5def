package worker

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alphapulse/alphapulse/services/worker/budget"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/metrics"
)

// mostHosts bounds the labels of hosts and venues. They come from the base URLs
// of markets, of which an installation has a handful.
const mostHosts = 8

// answered is the result of a request that met no fault.
const answered = "ok"

// exchangeMeasures are the metrics of a worker's requests. It implements
// exchange.Observer.
type exchangeMeasures struct {
	hosts    *metrics.Cap
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	breakers *prometheus.GaugeVec
	opened   *prometheus.CounterVec
	waits    [exchange.Backfill + 1]prometheus.Observer
	refusals *prometheus.CounterVec
}

func newExchangeMeasures(registry prometheus.Registerer) *exchangeMeasures {
	factory := promauto.With(registry)
	waits := factory.NewHistogramVec(prometheus.HistogramOpts{
		Name: "alphapulse_budget_wait_seconds", Buckets: []float64{0.001, 0.01, 0.1, 0.5, 1, 3},
		Help: "Wait of requests for their turn in the fleet's budget, granted or not.",
	}, []string{"priority"})
	m := &exchangeMeasures{
		hosts: metrics.NewCap(mostHosts),
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "alphapulse_exchange_requests_total",
			Help: "Requests that were sent, each try by itself, by the class of their fault, or ok.",
		}, []string{"host", "result"}),
		seconds: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alphapulse_exchange_request_seconds", Help: "Duration of requests.", Buckets: metrics.Slow(),
		}, []string{"host"}),
		breakers: factory.NewGaugeVec(prometheus.GaugeOpts{
			Name: "alphapulse_breaker_state", Help: "1 for the state that the breaker of a host is in: closed, half_open or open.",
		}, []string{"host", "state"}),
		opened: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "alphapulse_breaker_opened_total", Help: "Times that the breaker of a host has opened.",
		}, []string{"host"}),
		refusals: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "alphapulse_budget_refusals_total",
			Help: "Requests that got no turn, by the class of the refusal: rate_limited, banned, or transient while the budget could not be asked.",
		}, []string{"host", "class"}),
	}
	m.waits[exchange.Live], m.waits[exchange.Backfill] = waits.WithLabelValues("live"), waits.WithLabelValues("backfill")
	return m
}

// Requested implements exchange.Observer.
func (m *exchangeMeasures) Requested(host string, took time.Duration, fault *exchange.Error) {
	host = m.hosts.Value(host)
	result := answered
	if fault != nil {
		result = string(fault.Class)
	}
	m.requests.WithLabelValues(host, result).Inc()
	m.seconds.WithLabelValues(host).Observe(took.Seconds())
}

// BreakerIs implements exchange.Observer.
func (m *exchangeMeasures) BreakerIs(host string, state exchange.BreakerState) {
	host = m.hosts.Value(host)
	for _, s := range exchange.BreakerStates() {
		is := 0.0
		if s == state {
			is = 1
		}
		m.breakers.WithLabelValues(host, string(s)).Set(is)
	}
	if opened := m.opened.WithLabelValues(host); state == exchange.BreakerOpen {
		opened.Inc()
	}
}

// measuredBudget is a budget whose waits and refusals are counted.
type measuredBudget struct {
	*budget.Fleet
	measures *exchangeMeasures
}

// Take implements exchange.Budget.
func (b measuredBudget) Take(ctx context.Context, use exchange.Use) error {
	began := time.Now()
	err := b.Fleet.Take(ctx, use)
	b.measures.waits[exchange.PriorityOf(ctx)].Observe(time.Since(began).Seconds())
	var fault *exchange.Error
	if errors.As(err, &fault) {
		b.measures.refusals.WithLabelValues(b.measures.hosts.Value(use.Host), string(fault.Class)).Inc()
	}
	return err
}
