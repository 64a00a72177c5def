package scheduler

import (
	"cmp"
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
	"github.com/alphapulse/alphapulse/shared/queue/lag"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// Deps are the parts that a scheduler works with. It closes none of them.
type Deps struct {
	DB *postgres.DB
	// Lookups is a pool for what plans, publishes and sweeps, all of which find their
	// rows by an index (postgres.Config.ByIndex); nil: DB. What counts, stretches and
	// prunes reads whole tables and stays on DB.
	Lookups *postgres.DB
	Queue   *queue.Queue
	Log     *logrus.Entry
	// Metrics takes the scheduler's metrics; nil: nobody reads them. One scheduler
	// a registry.
	Metrics prometheus.Registerer
	Trace   *tracing.Tracer // nil: nothing is recorded
	// Ledger replaces the one on DB with the protocol's own settings.
	Ledger *ledger.Ledger
}

// Scheduler is one of any number of schedulers.
type Scheduler struct {
	cfg     Config
	db      *postgres.DB
	lookups *postgres.DB
	ledger  *ledger.Ledger // on db
	rows    *ledger.Ledger // on lookups
	queue   *queue.Queue
	log     *logrus.Entry
	trace   *tracing.Tracer
	gate    *postgres.Gate // opens when the database is back

	metrics *measures
	// recorder remembers how long the broker's queues were; nil: nobody reads it.
	recorder *lag.Recorder

	// emptied gives back what was planned and not published.
	emptied func(ctx context.Context)

	planning, publishing, confirming, topology, sweeping, holding, lining, stewarding, replaying, stretching, purging, pruning *loop
}

// New prepares a scheduler; it does nothing before Run.
func New(cfg Config, deps Deps) (*Scheduler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("scheduler: %w", err)
	}
	if deps.DB == nil || deps.Queue == nil || deps.Log == nil {
		return nil, errors.New("scheduler: it needs a database, a queue and a log")
	}
	s := &Scheduler{
		cfg: cfg.withDefaults(), db: deps.DB, lookups: cmp.Or(deps.Lookups, deps.DB), ledger: deps.Ledger, rows: deps.Ledger, queue: deps.Queue, log: deps.Log, trace: deps.Trace,
		metrics: newMeasures(deps.Metrics),
	}
	s.gate = postgres.NewGate(deps.Log, s.pools()...)
	if s.ledger == nil {
		s.ledger = ledger.New(s.db, ledger.Settings{})
		s.rows = ledger.New(s.lookups, ledger.Settings{})
	}
	s.register(deps.Metrics)
	s.wire()
	return s, nil
}

// pools are the pools that there are, each once.
func (s *Scheduler) pools() []*postgres.DB {
	if s.lookups == s.db {
		return []*postgres.DB{s.db}
	}
	return []*postgres.DB{s.db, s.lookups}
}

// register adds what is read when the metrics are gathered: collectors of what
// the tables and the broker say belong here.
func (s *Scheduler) register(registry prometheus.Registerer) {
	if registry == nil {
		return
	}
	pgmetrics.WatchGate(registry, "scheduler", s.gate)
	registry.MustRegister(newFigures(s.db, s.log, s.cfg.MetricsAccounts))
	s.recorder = lag.NewRecorder(s.queue, s.log)
	registry.MustRegister(newQueueFigures(s.ledger, s.recorder, s.log))
}

// The longest pauses after failures.
const (
	retryOften  = time.Second
	retrySlow   = 5 * time.Second
	retryRarely = time.Minute
)

// publishRest is how far apart publications begin at least that somebody asks for.
const publishRest = 10 * time.Millisecond

// wire makes the loops and says which wakes which.
func (s *Scheduler) wire() {
	hand := newHandover()
	planner := &planner{
		metrics: s.metrics, ledger: s.rows, log: s.log, poll: s.cfg.Poll, batch: s.cfg.Batch, hand: hand,
	}
	publisher := &publisher{
		metrics: s.metrics, ledger: s.rows, queue: s.queue, log: s.log, trace: s.trace, poll: s.cfg.Poll, batch: s.cfg.Batch,
		hand: hand, receipts: newReceipts(s.rows, s.cfg.Receipts),
	}
	s.emptied = publisher.empty
	topology := &topology{metrics: s.metrics, ledger: s.ledger, queue: s.queue, every: s.cfg.Topology}
	sweeper := &sweeper{metrics: s.metrics, ledger: s.rows, log: s.log, every: s.cfg.Sweep, held: s.cfg.Held, batch: s.cfg.Batch}
	lines := &lineChecker{metrics: s.metrics, ledger: s.rows, queue: s.queue, log: s.log, every: s.cfg.Sweep, batch: s.cfg.Batch}
	steward := &steward{metrics: s.metrics, ledger: s.ledger, log: s.log, every: s.cfg.Steward, batch: s.cfg.Batch}
	replayer := &replayer{ledger: s.ledger, queue: s.queue, log: s.log, poll: s.cfg.Poll}
	keeper := &keeper{metrics: s.metrics, ledger: s.ledger, queue: s.queue, log: s.log, cfg: s.cfg}

	s.planning = newLoop("plan", retryOften, s.log, planner.step)
	s.publishing = newLoop("publish", retrySlow, s.log, publisher.step)
	s.confirming = newLoop("confirm", retryOften, s.log, publisher.receipts.step)
	s.topology = newLoop("topology", retrySlow, s.log, topology.step)
	s.sweeping = newLoop("sweep", retryOften, s.log, sweeper.step)
	s.holding = newLoop("held", retrySlow, s.log, sweeper.stepHeld)
	s.stewarding = newLoop("steward", retryRarely, s.log, steward.step)
	s.replaying = newLoop("replay", retrySlow, s.log, replayer.step)
	s.lining = newLoop("lines", retryOften, s.log, lines.step)
	s.stretching = newLoop("stretch", s.cfg.Stretch, s.log, keeper.stretch)
	s.purging = newLoop("purge", retryRarely, s.log, keeper.purge)
	s.pruning = newLoop("prune", retryRarely, s.log, keeper.prune)

	s.publishing.rest = publishRest
	for _, l := range s.loops() {
		l.ended = s.metrics.step
	}
	planner.planned = s.publishing.kick
	publisher.missing, publisher.full = s.topology.kick, s.purging.kick
	topology.created = s.lining.kick
	sweeper.due, steward.due = s.publishing.kick, s.publishing.kick
	replayer.due = s.publishing.kick
	lines.missing, lines.due = s.topology.kick, s.publishing.kick
}

func (s *Scheduler) loops() []*loop {
	return []*loop{
		s.topology, s.planning, s.publishing, s.confirming, s.sweeping, s.holding, s.lining, s.stewarding, s.replaying, s.stretching,
		s.purging, s.pruning,
	}
}

// Run works until take ends. A batch in hand is finished unless work ends
// first; if the process dies in the middle of one, the next sweep finishes it.
func (s *Scheduler) Run(take, work context.Context) error {
	var running sync.WaitGroup
	for _, l := range s.loops() {
		s.gate.OnOpen(l.retry)
		running.Go(func() { l.run(take, work) })
	}
	running.Go(func() { s.gate.Run(take) })
	running.Go(func() { s.listen(take) })
	if s.recorder != nil {
		running.Go(func() { s.recorder.Run(take) })
	}
	running.Wait()
	s.emptied(work)
	return nil
}

// listen lets NOTIFY wake the loops. It is a hint: every loop also looks by
// itself.
func (s *Scheduler) listen(ctx context.Context) {
	channels := []string{ledger.ChannelJobs, ledger.ChannelAccounts, ledger.ChannelReplays}
	err := s.db.Listen(ctx, channels, func(_ context.Context, n postgres.Notification) {
		switch n.Channel {
		case ledger.ChannelJobs:
			s.publishing.kick()
		case ledger.ChannelAccounts:
			s.topology.kick()
			s.planning.kick()
		case ledger.ChannelReplays:
			s.replaying.kick()
		default: // listening has begun: anything may have happened before
			s.topology.kick()
			s.planning.kick()
			s.publishing.kick()
		}
	})
	if err != nil && ctx.Err() == nil {
		s.log.WithError(err).Error("listening has ended; due jobs are found by polling alone")
	}
}
