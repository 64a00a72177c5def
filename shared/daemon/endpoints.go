package daemon

import (
	"encoding/json"
	"net/http"
	"regexp"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Endpoints are what a process shows to those who watch it:
//
//	GET /livez    200 while every Live check passes, else 503
//	GET /readyz   200 while every Ready check passes and the process is not
//	              stopping, else 503
//	GET /metrics  Prometheus' text format; absent without Metrics
//
// The first two answer a [Report] as JSON and need no token:
//
//	{"ok": false, "checks": [{"name": "postgres", "ok": false, "error": "…", "seconds": 0.1}]}
//
// A check that passed may have a "note".
type Endpoints struct {
	// Live checks fail when only a restart helps; keep them few.
	Live []Check

	// Ready checks fail while the process cannot do its work.
	Ready []Check

	// Metrics is what /metrics gathers, usually from NewRegistry.
	Metrics prometheus.Gatherer
}

// NewRegistry is a metrics registry that already describes the process and
// the Go runtime; go_gc_heap_live_bytes is what the last collection left, by
// which a leak shows.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
			collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/gc/heap/live:bytes$`)})),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)

	return registry
}

// Handler serves the endpoints; other paths are 404. Build it once: it holds
// the checks in flight.
func (e Endpoints) Handler() http.Handler {
	mux := http.NewServeMux()
	e.Register(mux)

	return mux
}

// Register adds the endpoints to a server that serves more than these.
func (e Endpoints) Register(mux *http.ServeMux) {
	live, ready := newChecks(e.Live), newChecks(e.Ready)

	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) {
		answer(w, live.report(r.Context()))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		report := ready.report(r.Context())

		select {
		case <-Stopping(r.Context()):
			report.add(Result{Name: "process", Error: "stopping"})
		default:
		}

		answer(w, report)
	})

	if e.Metrics != nil {
		mux.Handle("GET /metrics", metricsHandler(e.Metrics))
	}
}

// metricsHandler serves what is gathered, and how many goroutines there were before:
// to gather, the library starts one for each collector, so that go_goroutines says
// how far it had come.
func metricsHandler(gatherer prometheus.Gatherer) http.Handler {
	own := prometheus.NewRegistry()
	before := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "go_goroutines_before_scrape", Help: "Goroutines when the metrics were asked for, before they were gathered.",
	})
	own.MustRegister(before)
	all := promhttp.HandlerFor(prometheus.Gatherers{own, gatherer}, promhttp.HandlerOpts{})

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before.Set(float64(runtime.NumGoroutine()))
		all.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, report Report) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")

	if !report.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}

	// The only error is a client that has gone.
	_ = json.NewEncoder(w).Encode(report)
}
