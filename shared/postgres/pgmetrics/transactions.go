package pgmetrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alphapulse/alphapulse/shared/metrics"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// mostTransactions bounds the labels of transactions. There are about forty in
// the whole of the program, of which a process runs a part.
const mostTransactions = 48

// transactions measures tries of transactions. Each kind's histogram is looked up
// without an allocation, because every commit comes by here.
type transactions struct {
	seconds *prometheus.HistogramVec
	labels  *metrics.Cap

	mu    sync.RWMutex
	known map[kind]prometheus.Observer
}

type kind struct {
	label   string
	outcome postgres.TxOutcome
}

func newTransactions(factory promauto.Factory) *transactions {
	return &transactions{
		seconds: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alphapulse_transaction_seconds", Buckets: metrics.Fast(),
			Help: "Duration of tries of database transactions by their label and how they ended: committed, rolled_back or unknown.",
		}, []string{"transaction", "outcome"}),
		labels: metrics.NewCap(mostTransactions), known: map[kind]prometheus.Observer{},
	}
}

func (t *transactions) observe(r postgres.TxReport) {
	key := kind{t.labels.Value(r.Label), r.Outcome}
	t.mu.RLock()
	seconds := t.known[key]
	t.mu.RUnlock()
	if seconds == nil {
		seconds = t.add(key)
	}
	seconds.Observe(r.Duration.Seconds())
}

func (t *transactions) add(key kind) prometheus.Observer {
	t.mu.Lock()
	defer t.mu.Unlock()
	seconds := t.seconds.WithLabelValues(key.label, string(key.outcome))
	t.known[key] = seconds
	return seconds
}
