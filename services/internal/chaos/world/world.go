package world

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/chaos/brokers"
	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
	"github.com/alphapulse/alphapulse/services/internal/chaos/link"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/effects"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// The victims are the accounts whose jobs are poisoned: they have no schedules, and
// the load asks nothing of them. Whose jobs hang suffers for minutes, beside others.
const (
	Victim        = 0
	HangingVictim = 1
	victims       = 2
)

// World is one fleet on one topology, under load.
type World struct {
	// Exchange is the stand-in, whose answers can be held, broken and compared with.
	Exchange *exchangesim.Exchange
	// Database is the server that the fleet writes to. After a fail-over it is
	// another one.
	Database *databases.Server
	// Replica follows it; nil where there is none.
	Replica *databases.Replica
	// SmallDisk holds some of its tables; nil where this machine cannot have one.
	SmallDisk *databases.Disk
	// DatabaseLinks are the ways that each role goes to it and to its replica.
	DatabaseLinks map[Role][]*databases.Link
	// Broker is what the fleet publishes to and takes from; nil if it is a Cluster.
	Broker *brokers.Server
	// Cluster is three brokers; nil if it is one.
	Cluster *brokers.Cluster
	// BrokerLinks are the ways that each role goes to each broker.
	BrokerLinks map[Role][]*link.Link
	// DB leads to the database by no link: it is the harness's own.
	DB *postgres.DB
	// Ledger asks for runs as the API would.
	Ledger *ledger.Ledger
	// Effects is what the triggers wrote down.
	Effects *effects.Log
	// Accounts of the fleet, the victims among them.
	Accounts []ledger.Account

	cfg        Config
	ctx        context.Context //nolint:containedctx // the life of what the world starts
	stop       context.CancelFunc
	began      time.Time // of the exchange's past
	exchange   *exchange
	fleet      *fleet
	failpoints string
	vaultKey   string
	opener     *vault.Opener
	named      atomic.Int64
	api        string // where it answers, if there is one
	loading    sync.WaitGroup
	stopLoad   context.CancelFunc
	closers    []func() error

	lossesMu sync.Mutex
	losses   []time.Time // when the broker lost its store
}

// New makes the world and returns when its accounts are active and the load has
// begun. Close it even after an error.
func New(ctx context.Context, cfg Config) (*World, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	w := &World{cfg: cfg, fleet: newFleet(), DatabaseLinks: map[Role][]*databases.Link{}, BrokerLinks: map[Role][]*link.Link{}}
	w.ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"directories", w.makeDirectories},
		{"the exchange", w.openExchange},
		{"the database", w.openDatabase},
		{"the broker", w.openBroker},
		{"the processes", w.startFleet},
		{"the API", w.startAPI},
		{"the accounts", w.addAccounts},
		{"the schedules", w.schedule},
	} {
		if err := step.do(ctx); err != nil {
			return w, fmt.Errorf("making the world: %s: %w", step.what, err)
		}
	}
	w.StartLoad()
	return w, nil
}

// Innocent is one of the accounts that are no victims.
func (w *World) Innocent(random *rand.Rand) ledger.Account {
	return w.Accounts[victims+random.IntN(len(w.Accounts)-victims)]
}

// StartLoad begins the load, if the world has one.
func (w *World) StartLoad() {
	load, stopLoad := context.WithCancel(w.ctx)
	w.stopLoad = stopLoad
	if !w.cfg.Idle {
		w.loading.Go(func() { w.load(load) })
	}
}

// StopLoad ends the load; the schedules go on.
func (w *World) StopLoad() {
	w.stopLoad()
	w.loading.Wait()
}

// Failed delivers the error of a supervisor that could not start a process again.
func (w *World) Failed() <-chan error { return w.fleet.failed }

// Topology is what the world runs on.
func (w *World) Topology() Topology { return w.cfg.Topology }

// Began is when the exchange's past begins.
func (w *World) Began() time.Time { return w.began }

// Logs is the directory of what all processes wrote.
func (w *World) Logs() string { return w.path("logs") }

// Close ends everything, processes first.
func (w *World) Close() error {
	if w.stopLoad != nil {
		w.StopLoad()
	}
	errs := []error{w.fleet.close()}
	w.stop()
	for i := len(w.closers) - 1; i >= 0; i-- {
		errs = append(errs, w.closers[i]())
	}
	return errors.Join(errs...)
}

func (w *World) later(close func() error) { w.closers = append(w.closers, close) }

func (w *World) path(elements ...string) string {
	return filepath.Join(append([]string{w.cfg.Dir}, elements...)...)
}

func (w *World) makeDirectories(context.Context) error {
	w.failpoints, w.vaultKey = w.path("failpoints"), w.path("vault", vault.PrivateKeyFile)
	for _, dir := range []string{w.path("logs"), w.failpoints} {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the database runs as another user
			return err
		}
	}
	if err := vault.GenerateKeys(w.path("vault")); err != nil {
		return err
	}
	key, err := os.ReadFile(w.vaultKey)
	if err != nil {
		return err
	}
	w.opener, err = vault.ParseOpener(string(key))
	return err
}

func (w *World) openExchange(context.Context) error {
	x, err := startExchange(w.cfg)
	if err != nil {
		return err
	}
	w.exchange, w.Exchange, w.began = x, x.Exchange, x.began
	w.later(x.close)
	return nil
}

// environment of a process of a role.
func (w *World) environment(role Role) []string {
	return []string{
		"DATABASE_URL=" + w.linkedDatabaseURL(role), "NATS_URL=" + w.brokerURL(role), "ALPHAPULSE_EGRESS=chaos",
		"ALPHAPULSE_VAULT_KEY_FILE=" + w.vaultKey, "FAILPOINTS_DIR=" + w.failpoints,
		"ALPHAPULSE_VAULT_PUBLIC_KEY_FILE=" + w.path("vault", vault.PublicKeyFile),
	}
}

// startFleet starts two of each part.
func (w *World) startFleet(context.Context) error {
	for range 2 {
		if _, err := w.StartMember(Scheduler, nil, w.SchedulerArgs()...); err != nil {
			return err
		}
		if _, err := w.StartMember(Aggregator, nil); err != nil {
			return err
		}
	}
	for range w.cfg.Workers {
		if _, err := w.StartMember(Worker, nil, w.WorkerArgs()...); err != nil {
			return err
		}
	}
	return nil
}

// SchedulerArgs are a scheduler's settings. The cadence is the test's, not what
// an exchange's limits would stretch it to.
func (w *World) SchedulerArgs() []string {
	args := []string{"--budget", "0", "--jobs-size", "64", "--results-size", "16", "--events-size", "16", "--dead-size", "4"}
	if w.cfg.Topology == Cluster {
		args = append(args, "--stream-replicas", "3")
	}
	return args
}

// WorkerArgs are a worker's settings.
func (w *World) WorkerArgs() []string {
	return append([]string{"--requests-per-second", strconv.Itoa(100_000), "--slots", "4", "--claim-conns", "3"}, w.cfg.WorkerArgs...)
}
