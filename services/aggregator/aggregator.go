package aggregator

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/failpoint"
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
	for range a.cfg.Folders {
		running.Go(func() { a.results(take, work) })
	}
	running.Go(func() { a.sweep(take, work) })
	running.Wait()
	return nil
}

// results handles results until take ends. While the database is away it takes
// none: a result that cannot be folded would come again every second, and be
// given up after ten.
func (a *Aggregator) results(take, work context.Context) {
	for {
		open, done, err := a.gate.Pass(take)
		if err != nil {
			return
		}
		a.queue.Results(open, func(_ context.Context, result queue.ResultMessage) error {
			return a.handle(work, result)
		})
		done()
	}
}

// handle folds the run of a result and announces what there is to announce.
// Only the fold decides whether the result is acked: an announcement that fails
// is repeated by the sweep.
func (a *Aggregator) handle(ctx context.Context, result queue.ResultMessage) error {
	log := a.log.WithFields(logrus.Fields{
		"run_id": result.RunID, "job_id": result.JobID, "data_type": string(result.DataType),
	})
	ctx, span := a.startSpan(a.trace.Continue(ctx, result.RunID, &result.Trace), result.RunID)
	defer span.End()
	failpoint.Hit(failpoint.AggregatorReceived)
	folded, err := a.fold(ctx, result.RunID)
	a.metrics.handled(folded, err)
	if errors.Is(err, ledger.ErrNotFound) {
		log.Warn("a result of a run that does not exist; it is dropped")
		return nil
	}
	if err != nil {
		return err
	}
	news, err := a.ledger.JobNews(ctx, result.JobID)
	if err == nil {
		err = a.announceJobs(ctx, news)
	}
	if err != nil {
		log.WithError(err).Warn("not announced; the sweep announces it")
	}
	return nil
}

// fold ends a run if all its jobs are terminal, and then announces it. It reports
// whether it has ended it.
func (a *Aggregator) fold(ctx context.Context, runID string) (bool, error) {
	folded, err := a.ledger.Fold(ctx, runID)
	if err != nil {
		return false, fmt.Errorf("folding run %s: %w", runID, err)
	}
	if !folded {
		return false, nil
	}
	run, err := a.ledger.Run(ctx, runID)
	if err != nil {
		return true, fmt.Errorf("reading folded run %s: %w", runID, err)
	}
	a.log.WithFields(logrus.Fields{
		"run_id": run.ID, "status": string(run.Status), "trigger": string(run.Trigger), "account": run.Account,
		"jobs": run.Total, "rows_changed": run.Changed,
	}).Info("folded")
	a.writeWhole(ctx, run)
	failpoint.Hit(failpoint.AggregatorFolded)
	if err := a.announceRun(ctx, run); err != nil {
		a.log.WithError(err).WithField("run_id", run.ID).Warn("not announced; the sweep announces it")
	}
	return true, nil
}
