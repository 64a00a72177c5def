package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// measures are the metrics of the API's calls.
type measures struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	refused *prometheus.CounterVec
}

func newMeasures(registry prometheus.Registerer, open *watches) *measures {
	factory := promauto.With(registry)
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "alphapulse_api_watches", Help: "Runs that callers watch now.",
	}, func() float64 { return float64(open.count()) })
	return &measures{
		calls: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "alphapulse_api_requests_total", Help: "Calls by procedure and the code of their answer, ok if it was no error.",
		}, []string{"procedure", "code"}),
		seconds: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alphapulse_api_request_seconds", Help: "Duration of calls by procedure, of streams until their end.",
			Buckets: []float64{0.01, 0.1, 1, 10},
		}, []string{"procedure"}),
		refused: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "alphapulse_api_refused_total", Help: "Requests that reached no procedure, by HTTP status: 401 without a token that is right, 403 from elsewhere.",
		}, []string{"status"}),
	}
}

// call counts one call of a procedure that exists, so that the labels are
// bounded.
func (m *measures) call(procedure string, started time.Time, answer error) {
	name := procedure[strings.LastIndexByte(procedure, '.')+1:] // service and method, without the package
	code := "ok"
	var told *connect.Error
	switch {
	case errors.As(answer, &told):
		code = told.Code().String()
	case answer != nil:
		code = connect.CodeUnknown.String()
	}
	m.calls.WithLabelValues(name, code).Inc()
	m.seconds.WithLabelValues(name).Observe(time.Since(started).Seconds())
}

// refusals counts what is refused before a procedure is reached.
func (m *measures) refusals(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&refusalWriter{ResponseWriter: w, measures: m}, r)
	})
}

// refusalWriter sees the status of an answer.
type refusalWriter struct {
	http.ResponseWriter
	measures *measures
}

// WriteHeader implements http.ResponseWriter.
func (w *refusalWriter) WriteHeader(status int) {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		w.measures.refused.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap gives http.ResponseController the writer behind this one.
func (w *refusalWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher, which streams need.
func (w *refusalWriter) Flush() {
	// A writer that cannot flush does not stream either.
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}
