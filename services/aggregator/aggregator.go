package aggregator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgmetrics"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// Deps are the parts that an aggregator works with. It closes none of them.
type Deps struct {
	DB    *postgres.DB
	Queue *queue.Queue
	Log   *logrus.Entry
	// Metrics takes the aggregator's metrics; nil: nobody reads them. One
	// aggregator a registry.
	Metrics prometheus.Registerer
	Trace   *tracing.Tracer // nil: nothing is recorded
}

// Aggregator is one of any number of aggregators.
type Aggregator struct {
	cfg    Config
	ledger *ledger.Ledger
	gate   *postgres.Gate // shut while the database is away
	queue  *queue.Queue
	log    *logrus.Entry
	trace  *tracing.Tracer

	metrics *measures

	unfoldedFrom time.Time // the sweep's: when it looks for unfolded runs again
}

// New prepares an aggregator; it does nothing before Run.
func New(cfg Config, deps Deps) (*Aggregator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	if deps.DB == nil || deps.Queue == nil || deps.Log == nil {
		return nil, errors.New("aggregator: it needs a database, a queue and a log")
	}
	a := &Aggregator{
		cfg: cfg.withDefaults(), ledger: ledger.New(deps.DB, ledger.Settings{}),
		gate: postgres.NewGate(deps.Log, deps.DB), queue: deps.Queue, log: deps.Log, trace: deps.Trace,
		metrics: newMeasures(deps.Metrics),
	}
	pgmetrics.WatchGate(deps.Metrics, "aggregator", a.gate)
	return a, nil
}

// Run works until take ends. A result in hand is handled to its end unless work
// ends first; it then comes again.
func (a *Aggregator) Run(take, work context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { a.gate.Run(take) })
	running.Go(func() { a.results(take, work) })
	running.Go(func() { a.sweep(take, work) })
	running.Wait()
	return nil
}
