// Package fleettest runs a whole fleet for a test: a database, a broker and a
// stand-in exchange of its own, with schedulers, workers and aggregators as the
// test wants them, each on pools and connections of its own. All parts are
// real; they only share the test's process.
package fleettest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/aggregator"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/scheduler"
	"github.com/alphapulse/alphapulse/services/worker"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// Fleet is one test's fleet. Nothing of it runs until the test starts it.
type Fleet struct {
	T      testing.TB
	DB     *pgtest.DB
	Pool   *postgres.DB
	Ledger *ledger.Ledger
	Broker *queuetest.Server
	Sim    *exchangesimtest.Server
	Log    *logrus.Entry

	opener *vault.Opener
	seed   int64

	privateKey []byte // of the vault, for workers in processes of their own
	names      atomic.Int64
}

// New makes the parts that a fleet stands on. The stand-in has no limits
// unless cfg says so.
func New(t testing.TB, cfg exchangesim.Config) *Fleet {
	t.Helper()
	return NewOn(t, cfg, pgtest.New(t))
}

// NewOn is New on a database that the test has made and migrated, for a server
// that it stops.
func NewOn(t testing.TB, cfg exchangesim.Config, db *pgtest.DB) *Fleet {
	t.Helper()
	if cfg.Accounts == 0 {
		cfg.Accounts = 4
	}
	pool := db.Open(t, func(c *postgres.Config) { c.MaxConns, c.AcquireTimeout = 12, Patience })
	dir := t.TempDir()
	require.NoError(t, vault.GenerateKeys(dir))
	privateKey, err := os.ReadFile(filepath.Join(dir, vault.PrivateKeyFile))
	require.NoError(t, err)
	opener, err := vault.ParseOpener(string(privateKey))
	require.NoError(t, err)
	return &Fleet{
		T: t, DB: db, Pool: pool, Ledger: ledger.New(pool, ledger.Settings{}), Broker: queuetest.New(t),
		Sim: exchangesimtest.Start(t, cfg), Log: testLog(t), opener: opener, seed: cfg.Seed, privateKey: privateKey,
	}
}

// testLog is quiet unless ALPHAPULSE_TEST_LOG is set.
func testLog(t testing.TB) *logrus.Entry {
	if os.Getenv("ALPHAPULSE_TEST_LOG") == "" {
		return queuetest.Discard()
	}
	log := logrus.New()
	log.SetOutput(t.Output())
	log.SetLevel(logrus.DebugLevel)
	log.SetFormatter(&logrus.JSONFormatter{})
	return logrus.NewEntry(log)
}

// Part runs until the test ends or Stop is called.
type Part struct {
	stop func()
	done chan error
}

// Stop ends the part as a signal would, and waits for it.
func (p *Part) Stop() { p.stop() }

// run starts a component and stops it, orderly, at the end of the test.
func (f *Fleet) run(name string, fn func(take, work context.Context) error) *Part {
	f.T.Helper()
	take, stopTaking := context.WithCancel(context.Background())
	work, stopWorking := context.WithCancel(context.Background())
	p := &Part{done: make(chan error, 1)}
	go func() { p.done <- fn(take, work) }()
	var stopped atomic.Bool
	p.stop = func() {
		if stopped.Swap(true) {
			return
		}
		stopTaking()
		select {
		case err := <-p.done:
			if err != nil {
				f.T.Errorf("%s: %v", name, err)
			}
			stopWorking()
			return
		case <-time.After(3 * time.Second):
			stopWorking()
		}
		select {
		case err := <-p.done:
			if err != nil {
				f.T.Errorf("%s: %v", name, err)
			}
		case <-time.After(20 * time.Second):
			f.T.Errorf("%s did not stop", name)
		}
	}
	f.T.Cleanup(p.stop)
	return p
}

func (f *Fleet) name(service string) string {
	return fmt.Sprintf("%s-%d", service, f.names.Add(1))
}

// open opens a pool of a part's own.
func (f *Fleet) open(name string, conns int32) *postgres.DB {
	return f.DB.Open(f.T, func(c *postgres.Config) {
		c.Name, c.ApplicationName, c.MaxConns, c.Log = name, "alphapulse/"+name, conns, f.Log
	})
}

// Scheduler starts a scheduler.
func (f *Fleet) Scheduler() *Part {
	f.T.Helper()
	s, err := scheduler.New(scheduler.Config{}, scheduler.Deps{
		DB: f.open(f.name("scheduler"), 4), Queue: f.Queue(), Log: f.Log,
	})
	require.NoError(f.T, err)
	return f.run("scheduler", s.Run)
}

// Aggregator starts an aggregator.
func (f *Fleet) Aggregator() *Part {
	f.T.Helper()
	a, err := aggregator.New(aggregator.Config{}, aggregator.Deps{
		DB: f.open(f.name("aggregator"), 4), Queue: f.Queue(), Log: f.Log,
	})
	require.NoError(f.T, err)
	return f.run("aggregator", a.Run)
}

// Worker starts a worker of some types; of all if none is given.
func (f *Fleet) Worker(types ...syncjob.DataType) *Part {
	f.T.Helper()
	return f.WorkerWith(worker.Config{Types: types})
}

// WorkerWith starts a worker; what cfg leaves empty fits a test.
func (f *Fleet) WorkerWith(cfg worker.Config) *Part {
	f.T.Helper()
	name := f.name("worker")
	if cfg.Name == "" {
		cfg.Name = name
	}
	if cfg.Egress == "" {
		cfg.Egress = "test"
	}
	if cfg.RequestsPerSecond == 0 {
		cfg.RequestsPerSecond = 100000
	}
	w, err := worker.New(cfg, worker.Deps{
		Writes: f.open(name+"/writes", 8), Claims: f.open(name+"/claims", 4), Queue: f.Queue(),
		Opener: f.opener, Log: f.Log.WithField("worker", name),
	})
	require.NoError(f.T, err)
	return f.run(name, w.Run)
}

// API starts an API and gives its address.
func (f *Fleet) API() string {
	f.T.Helper()
	q := f.Queue()
	a, err := api.New(api.Config{Listen: "127.0.0.1:0"}, api.Deps{
		DB: f.open(f.name("api"), 8), Broker: q, Past: q, Queues: q, Sealer: f.opener.Sealer(), Log: f.Log,
		BaseURL: func(string, string) (string, error) { return f.Sim.URL, nil },
	})
	require.NoError(f.T, err)
	listener, err := a.Listen()
	require.NoError(f.T, err)
	f.run("api", func(take, _ context.Context) error {
		return daemon.Daemon{Components: a.Components(listener), Signals: make(chan os.Signal)}.Run(take)
	})
	return "http://" + listener.Addr().String()
}

// Queue connects a part of the test's own to the broker.
func (f *Fleet) Queue() *queue.Queue {
	cfg := f.Broker.Config()
	cfg.Log = f.Log
	return f.Broker.Connect(cfg)
}

// Start starts one of each.
func (f *Fleet) Start() {
	f.T.Helper()
	f.Scheduler()
	f.Aggregator()
	f.Worker()
}
