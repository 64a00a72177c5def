package up

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/alphapulse/dependency"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgmetrics"
	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/broker"
	"github.com/alphapulse/alphapulse/shared/queue/queuemetrics"
	"github.com/alphapulse/alphapulse/shared/tracing"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// machine is everything that runs. It is built step by step; each step adds what
// undoes it.
type machine struct {
	cfg  Config
	dir  *dataDir
	term *terminal
	log  *logrus.Entry

	registry *prometheus.Registry // of this process's metrics
	pools    *pgmetrics.Metrics
	undo     []func()

	at       connection
	server   *pgserver.Server // nil: the database is somebody else's
	db       *postgres.DB
	ledger   *ledger.Ledger
	queue    *queue.Queue
	sealer   *vault.Sealer
	keyFile  string // of the private key; empty: it is in the environment
	demo     *demo  // nil: none
	children *workers
	trace    *tracing.Tracer // nil: nothing is recorded

	components []daemon.Component

	mu sync.Mutex // guards server and children for killing
}

// later undoes a step when the machine stops, last step first.
func (m *machine) later(fn func()) { m.undo = append(m.undo, fn) }

func (m *machine) close() {
	for i := len(m.undo) - 1; i >= 0; i-- {
		m.undo[i]()
	}
}

// openTrace prepares to record traces, if somebody is to get them. Workers do so
// for themselves.
func (m *machine) openTrace() error {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	process := tracing.Process{Service: "up", Name: fmt.Sprintf("%s-%d", host, os.Getpid()), Version: m.cfg.Version}
	trace, err := tracing.Open(m.cfg.Traces, process, m.log)
	if err != nil {
		return err
	}
	m.trace = trace
	m.later(trace.Close)
	return nil
}

// openDir takes the data directory and opens the log in it.
func (m *machine) openDir() error {
	dir, err := openDir(m.cfg.DataDir)
	if err != nil {
		return err
	}
	m.dir = dir
	m.later(dir.release)
	if err := dir.removeConnection(); err != nil {
		return fmt.Errorf("the data directory is not writable: %w", err)
	}
	log, closer, err := daemon.Log{
		Service: "up", Level: m.cfg.LogLevel, File: dir.file("logs", "alphapulse.log"),
	}.Open()
	if err != nil {
		return err
	}
	m.log = log
	m.later(func() { _ = closer.Close() }) // nobody is left to tell
	m.term.line("AlphaPulse %s", m.cfg.Version)
	if m.cfg.DataDirWhy == "" {
		m.term.step("data", "%s", dir.path)
	} else {
		m.term.step("data", "%s (%s)", dir.path, m.cfg.DataDirWhy)
	}
	return nil
}

// openVault finds the keys, or makes them in the data directory.
func (m *machine) openVault() error {
	_, text := m.cfg.Keys(vault.PrivateKeySetting)
	_, file := m.cfg.Keys(vault.PrivateKeySetting + "_FILE")
	if text || file {
		opener, err := vault.LoadOpener(m.cfg.Keys)
		if err != nil {
			return err
		}
		m.sealer = opener.Sealer()
		m.term.step("vault", "key from the environment")
		return nil
	}
	keys := m.dir.file("vault")
	created, err := vault.EnsureKeys(keys)
	if err != nil {
		return fmt.Errorf("the vault keys in %s: %w", keys, err)
	}
	m.keyFile = filepath.Join(keys, vault.PrivateKeyFile)
	sealer, err := vault.ReadSealer(filepath.Join(keys, vault.PublicKeyFile))
	if err != nil {
		return fmt.Errorf("the vault keys in %s: %w", keys, err)
	}
	m.sealer = sealer
	if created {
		m.term.step("vault", "new keys in %s", keys)
	}
	return nil
}

// stopTime bounds the stop of Postgres before it is stopped without a
// checkpoint.
const stopTime = 900 * time.Millisecond

// openDatabase starts a private Postgres, or waits for the one that is there, and
// brings the schema to this program's version.
func (m *machine) openDatabase(ctx context.Context) error {
	began := time.Now()
	if m.at.database = m.cfg.DatabaseURL; m.at.database == "" {
		if err := m.startPostgres(ctx); err != nil {
			return err
		}
	}
	address := dependency.PostgresAddress(m.at.database)
	db, err := postgres.Open(ctx, m.pools.Measure(postgres.Config{
		URL: m.at.database, Name: "up", MaxConns: 24, Log: m.log,
	}))
	if err != nil {
		return err
	}
	m.db, m.ledger = db, ledger.New(db, ledger.Settings{})
	m.later(db.Close)
	m.pools.Watch(db)
	done := m.term.waiting("postgres", "waiting for %s", address)
	err = dependency.Await(ctx, m.log, dependency.Dependency{Name: "Postgres", Address: address, Ready: db.WaitReady})
	done()
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, m.at.database, m.log); err != nil {
		return err
	}
	if err := m.openReader(ctx); err != nil {
		return err
	}
	schema, err := db.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	m.term.step("postgres", "%s, schema %d (%s)", address, schema, since(began))
	return nil
}

func since(began time.Time) string { return time.Since(began).Round(10 * time.Millisecond).String() }

func (m *machine) startPostgres(ctx context.Context) error {
	done := m.term.waiting("postgres", "starting; the first time takes a few seconds")
	defer done()
	server, err := pgserver.Start(ctx, pgserver.Config{
		DataDir: m.dir.file("postgres"), PasswordFile: m.dir.file("postgres.password"), Log: m.log.WithField("service", "postgres"),
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.server = server
	m.mu.Unlock()
	m.later(func() {
		stop, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		if err := server.Stop(stop); err != nil {
			m.log.WithError(err).Warn("stopping Postgres")
		}
	})
	m.at.database = server.URL()
	m.components = append(m.components, daemon.Component{
		Name: "postgres", Background: true, Run: func(_, work context.Context) error {
			select {
			case err := <-server.Done():
				return err
			case <-work.Done():
				return nil
			}
		},
	})
	return nil
}

// openBroker starts an embedded broker, or waits for the one that is there.
func (m *machine) openBroker(ctx context.Context) error {
	began := time.Now()
	cfg := queue.Config{URL: m.cfg.NATSURL, Name: "up", Log: m.log}
	m.at.nats, m.at.monitor = m.cfg.NATSURL, m.cfg.NATSMonitorURL
	if m.cfg.NATSURL == "" {
		b, err := broker.Start(ctx, broker.Config{
			StoreDir: m.dir.file("nats"), Listen: "127.0.0.1:0", Monitor: "127.0.0.1:0", Name: "alphapulse-up", Log: m.log,
		})
		if err != nil {
			return err
		}
		m.later(func() {
			if err := b.Stop(); err != nil {
				m.log.WithError(err).Warn("stopping the broker")
			}
		})
		m.at.nats, m.at.monitor = b.ClientURL(), b.MonitorURL()
		cfg.URL, cfg.InProcess = "", b
		cfg.Flushing = queue.Flushing{Known: true, Always: b.SyncInterval() == 0, Interval: b.SyncInterval()}
	}
	q, err := queue.Connect(ctx, cfg)
	if err != nil {
		return err
	}
	m.queue = q
	m.later(q.Close)
	queuemetrics.Register(m.registry, q)
	address := dependency.NATSAddress(m.at.nats)
	done := m.term.waiting("nats", "waiting for %s", address)
	defer done()
	err = dependency.Await(ctx, m.log, dependency.Dependency{Name: "NATS", Address: address, Ready: q.Await})
	if err != nil {
		return err
	}
	// The scheduler keeps them in being from now on; made here, so that a store
	// that is too small stops the start.
	if _, err := q.EnsureStreams(ctx); err != nil {
		return err
	}
	m.term.step("nats", "%s (%s)", address, since(began))
	return nil
}

// killAll leaves no child behind when this process ends at once.
func (m *machine) killAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.children != nil {
		m.children.kill()
	}
	if m.server != nil {
		_ = syscall.Kill(m.server.Pid(), syscall.SIGINT) // its parent's end does the same on Linux
	}
	if m.dir != nil {
		_ = m.dir.removeConnection()
	}
}

// exitAtOnce is the answer to a second signal.
func (m *machine) exitAtOnce(code int) {
	m.term.line("Stopped at once. Jobs in hand come back at the next start.")
	m.killAll()
	os.Exit(code)
}

// quiet is nil for an error that only says that a stop was asked for.
func quiet(err error) error {
	var asked *daemon.SignalError
	if errors.As(err, &asked) {
		return nil
	}
	return err
}
