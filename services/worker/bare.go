package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/exchange/bybit"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// Bare reads jobs and writes their rows with the code of a worker and nothing
// around it: no queue, no claim, no budget, no guard of a scope, no outcome. That is
// what a job costs at the least, and what benchmarks hold a worker against. Nothing
// keeps two of them, or one and a worker, from overwriting each other: it is not for
// data that anybody needs.
type Bare struct{ worker *Worker }

// NewBare checks the configuration as New does. Of deps the queue is not used.
func NewBare(cfg Config, deps Deps) (*Bare, error) {
	adapter, err := bareAdapter(cfg, deps)
	if err != nil {
		return nil, fmt.Errorf("bare worker: %w", err)
	}
	deps.Exchanges = map[string]exchange.Adapter{"bybit": adapter}
	w, err := New(cfg, deps)
	if err != nil {
		return nil, err
	}
	return &Bare{worker: w}, nil
}

// bareAdapter asks without a budget, as often as there are slots at once.
func bareAdapter(cfg Config, deps Deps) (exchange.Adapter, error) {
	policies := exchange.DefaultPolicies()
	policies.MaxInFlight = max(policies.MaxInFlight, uint(max(cfg.Slots, 0))) //nolint:gosec // not negative
	hosts, err := exchange.NewHosts(policies, noBudget{}, deps.Log)
	if err != nil {
		return nil, err
	}
	return bybit.NewAdapter(hosts, bybit.Settings{})
}

// noBudget grants everything at once.
type noBudget struct{}

func (noBudget) Take(ctx context.Context, _ exchange.Use) error { return ctx.Err() }

func (noBudget) Report(exchange.Use, *exchange.Error) {}

// BareJob is a job that can be read, any number of times, by one goroutine at a
// time.
type BareJob struct {
	attempt *attempt
	reader  reader
}

// Open opens the account's key and makes its readers. Who syncs the same accounts
// again and again does this once for each.
func (b *Bare) Open(ctx context.Context, job *ledger.Claimed) (*BareJob, error) {
	w := b.worker
	consumer := queue.Consumer{Exchange: job.Exchange, Environment: job.Environment, DataType: job.DataType, Lane: job.Lane}
	a := &attempt{
		job: job, log: w.deps.Log, db: w.deps.Writes, metrics: w.metrics.of(consumer), held: w.held, claimedAt: time.Now(),
	}
	if fault := w.connect(ctx, a); fault != nil {
		return nil, fmt.Errorf("opening %s of account %s: %w", job.DataType, job.Subject.ID, fault)
	}
	reader := w.readers[job.DataType]
	if reader == nil {
		return nil, fmt.Errorf("opening %s of account %s: the worker does not know this type", job.DataType, job.Subject.ID)
	}
	return &BareJob{attempt: a, reader: reader}, nil
}

// errNotRead: a scope was not read to its end, and no error says why.
var errNotRead = errors.New("it was not read to its end")

// Read reads the exchange and understands what it says. A scope that was not read
// to its end is an error: who measures must not count it.
func (j *BareJob) Read(ctx context.Context) (BareRows, error) {
	r := j.reader.read(ctx, j.attempt)
	job := j.attempt.job
	if r.fault != nil {
		return BareRows{}, fmt.Errorf("reading %s of account %s: %w", job.DataType, job.Subject.ID, r.fault)
	}
	for _, p := range r.parts {
		switch {
		case p.fault != nil:
			return BareRows{}, fmt.Errorf("reading %s of account %s, %s: %w", job.DataType, job.Subject.ID, p.scope, p.fault)
		case !p.stores:
			return BareRows{}, fmt.Errorf("reading %s of account %s, %s: %w", job.DataType, job.Subject.ID, p.scope, errNotRead)
		}
	}
	return BareRows{attempt: j.attempt, parts: inScopeOrder(r.parts), count: r.fetched()}, nil
}

// BareRows are what was read of one job.
type BareRows struct {
	attempt *attempt
	parts   []part
	count   int64
}

// Len is how many rows there are.
func (r BareRows) Len() int64 { return r.count }

// QueueBare adds the statements that write rows to a batch: those of one job, or of
// several together. tally counts what they changed, once the batch has been sent
// and read.
func QueueBare(batch *pgx.Batch, tally *snapshot.Tally, jobs ...BareRows) {
	all := make([]*storing, len(jobs))
	for i, r := range jobs {
		all[i] = &storing{attempt: r.attempt, newer: r.parts, tally: tally}
	}
	queueSnapshots(batch, all)
	for _, s := range all {
		for _, p := range s.newer {
			if p.queue != nil {
				p.queue(batch, s.stamp(p), tally)
			}
		}
	}
}
