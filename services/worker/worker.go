package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/worker/budget"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/exchange/bybit"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgmetrics"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// probeSlots is how many probes a worker works on at once.
const probeSlots = 2

// Worker is one worker process.
type Worker struct {
	cfg       Config
	deps      Deps
	claims    *ledger.Ledger // claims, heartbeats, releases
	writes    *ledger.Ledger // outcomes with their rows
	exchanges map[string]exchange.Adapter
	readers   map[syncjob.DataType]reader
	catalog   *catalog
	gate      *postgres.Gate // shut while the database is away
	leases    *leases
	claimer   *claimer
	committer *committer
	bans      *bans
	budget    *budget.Fleet // nil if the adapters were given
	tuning    *tuning
	yield     *yield
	held      *heldRows
	keys      keyring
	seen      time.Time // when it last said what it does
	metrics   *measures
}

// New checks the configuration and names every mistake at once.
func New(cfg Config, deps Deps) (*Worker, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	exchanges := deps.Exchanges
	tuning := newTuning(cfg, jobsPerConn*int(deps.Writes.Stats().MaxConns), deps.Log)
	var shared *budget.Fleet
	if exchanges == nil {
		exchanges, shared, err = adapters(cfg, deps, tuning.most)
		if err != nil {
			return nil, fmt.Errorf("worker: %w", err)
		}
	}
	if deps.Stuck == nil {
		deps.Stuck = func(what string) { deps.Log.Fatal(what) }
	}
	claims := ledger.New(deps.Claims, ledger.Settings{})
	w := &Worker{
		cfg: cfg, deps: deps, exchanges: exchanges, readers: readers(cfg),
		claims: claims, writes: ledger.New(deps.Writes, ledger.Settings{}),
		catalog: newCatalog(deps.Writes),
		gate:    postgres.NewGate(deps.Log, deps.Claims, deps.Writes),
		metrics: newMeasures(deps.Metrics),
		leases:  newLeases(claims, deps.Stuck, deps.Log),
		bans:    newBans(claims, cfg.Egress, deps.Log),
		budget:  shared,
		tuning:  tuning,
		yield:   newYield(deps.Log),
		held:    newHeldRows(),
	}
	w.group()
	w.leases.failed = w.metrics.heartbeatFailures.Inc
	pgmetrics.WatchGate(deps.Metrics, "worker", w.gate)
	return w, nil
}

// group prepares what claims and commits jobs that come at the same time together.
func (w *Worker) group() {
	w.claimer = newClaimer(w.claims)
	w.committer = newCommitter(w.writes, w.leases, w.deps.Log)
}

// readers are the data types there are: each is one file of this package.
func readers(cfg Config) map[syncjob.DataType]reader {
	return map[syncjob.DataType]reader{
		syncjob.Balances:    newBalancesReader(),
		syncjob.Positions:   newPositionsReader(),
		syncjob.Orders:      newOrdersReader(cfg.ForgottenAfter),
		syncjob.Prices:      newPricesReader(cfg.PriceSymbols),
		syncjob.Fills:       newFillsReader(),
		syncjob.Ledger:      newLedgerReader(),
		syncjob.ClosedPnL:   newClosedPnLReader(),
		syncjob.Instruments: newInstrumentsReader(),
		syncjob.Candles:     newCandlesReader(),
	}
}

// adapters are the exchanges there are: each is one folder below exchange. They
// share the fleet's budget. Of each queue at most so many slots are ever used.
func adapters(cfg Config, deps Deps, slots int) (map[string]exchange.Adapter, *budget.Fleet, error) {
	shared, err := budget.New(deps.Claims, budget.Config{
		Egress: cfg.Egress, RequestsPerSecond: cfg.RequestsPerSecond, Log: deps.Log,
	})
	if err != nil {
		return nil, nil, err
	}
	measures := newExchangeMeasures(deps.Metrics)
	if deps.Metrics != nil {
		deps.Metrics.MustRegister(newBudgetCollector(shared))
	}
	policies := exchange.DefaultPolicies()
	policies.Observer = measures
	// Each slot needs a place of its own: it waits for the budget there.
	policies.MaxInFlight = max(policies.MaxInFlight, uint(slots*len(cfg.Types)+probeSlots)) //nolint:gosec // checked: 1 to 4096
	hosts, err := exchange.NewHosts(policies, measuredBudget{shared, measures}, deps.Log)
	if err != nil {
		return nil, nil, err
	}
	adapter, err := bybit.NewAdapter(hosts, bybit.Settings{})
	if err != nil {
		return nil, nil, err
	}
	return map[string]exchange.Adapter{"bybit": adapter}, shared, nil
}

// Run takes jobs until take ends, and works on those it has until work ends;
// then it gives back what is left and returns.
func (w *Worker) Run(take, work context.Context) error {
	attempts, cancel := context.WithCancelCause(context.WithoutCancel(work))
	defer cancel(nil)
	stop := context.AfterFunc(work, func() { cancel(errReleasing) })
	defer stop()
	beats, endBeats := context.WithCancel(context.WithoutCancel(work))
	var beating sync.WaitGroup
	beating.Go(func() { w.leases.run(beats) })
	beating.Go(func() { w.gate.Run(beats) })
	if w.budget != nil {
		beating.Go(func() { w.budget.Run(beats) })
	}
	defer beating.Wait()
	defer endBeats()

	w.deps.Log.WithField("types", syncjob.JoinTypes(w.cfg.Types)).WithField("slots", w.cfg.Slots).Info("worker takes jobs")
	err := w.serveMarkets(take, attempts)
	w.deps.Log.Info("worker has ended its jobs")
	return err
}

// marketPoll is how often new exchanges and environments are looked for, when
// no notification comes.
const marketPoll = time.Second

// serveMarkets serves the queues of every exchange and environment that has a
// market, and of new ones as they come.
func (w *Worker) serveMarkets(take, attempts context.Context) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	served := map[string]*served{}
	poll := time.NewTicker(marketPoll)
	defer poll.Stop()
	var asked time.Time // when bans were last asked for, and of how many markets
	known := 0
	for {
		_, done, err := w.gate.Pass(take)
		if err != nil {
			return nil
		}
		done()
		markets, err := w.claims.Markets(take)
		if err != nil && take.Err() == nil {
			w.deps.Log.WithError(err).Warn("markets could not be read")
		}
		w.tune(take, served)
		// Before the first job of a market: a worker that starts during a ban asks
		// nothing of the exchange.
		if time.Since(asked) >= banPoll || len(markets) > known {
			w.bans.refresh(take, markets)
			asked, known = time.Now(), len(markets)
		}
		for _, m := range markets {
			if err := w.serveMarket(take, attempts, m, served, &serving); err != nil {
				return err
			}
		}
		select {
		case <-take.Done():
			return nil
		case <-poll.C:
		}
	}
}

// served is a queue that jobs are taken from.
type served struct {
	consumer queue.Consumer
	slots    *slots
}

func (w *Worker) serveMarket(
	take, attempts context.Context, m ledger.Market, known map[string]*served, serving *sync.WaitGroup,
) error {
	if w.exchanges[m.Exchange] == nil {
		return nil // a newer worker's business
	}
	var failures error
	for consumer, n := range w.consumers(m) {
		if known[consumer.Name()] != nil {
			continue
		}
		sub, err := w.deps.Queue.Subscribe(consumer)
		if err != nil {
			failures = errors.Join(failures, fmt.Errorf("subscribing to %s: %w", consumer, err))
			continue
		}
		s := newSlots(n)
		s.fetches = w.metrics.of(consumer).fetches
		known[consumer.Name()] = &served{consumer: consumer, slots: s}
		w.metrics.of(consumer).slots.Set(float64(n))
		serving.Go(func() { s.serve(take, w.gate, sub, func(slot int, d queue.Delivery) { w.take(attempts, slot, d) }) })
	}
	return failures
}

// consumers are the queues of a market that this worker serves, with the number
// of its slots. Every worker serves probes.
func (w *Worker) consumers(m ledger.Market) map[queue.Consumer]int {
	queues := map[queue.Consumer]int{}
	for _, lane := range []syncjob.Lane{syncjob.Live, syncjob.Backfill} {
		for _, t := range w.cfg.Types {
			c := queue.Consumer{Exchange: m.Exchange, Environment: m.Environment, DataType: t, Lane: lane}
			if n := w.tuning.slotsOf(c); n > 0 {
				queues[c] = n
			}
		}
	}
	probes := queue.Consumer{
		Exchange: m.Exchange, Environment: m.Environment, DataType: syncjob.Probe, Lane: syncjob.Live,
	}
	queues[probes] = probeSlots
	return queues
}

// take gives a delivery its identity in the logs and walks it.
func (w *Worker) take(ctx context.Context, slot int, d queue.Delivery) {
	log := w.deps.Log.WithFields(logrus.Fields{
		"lane": string(d.Job.Lane), "slot": slot, "run_id": d.Job.RunID, "job_id": d.Job.JobID, "data_type": string(d.Job.DataType),
	})
	log.WithField("publishes", d.Job.Publishes).Info("delivered")
	m := w.metrics.of(d.Job.Consumer())
	m.delivered(d)
	m.busy.Inc()
	defer m.busy.Dec()
	ctx, span := w.startSpan(ctx, slot, d)
	defer span.End()
	w.walk(ctx, d, log)
}
