package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/alphapulse/dependency"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/broker"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// machine is what everything stands on.
type machine struct {
	cfg  Config
	dir  string
	kept bool
	undo []func()
	log  *logrus.Entry

	server      *pgserver.Server // nil: the database is somebody else's
	walInspect  bool             // whether the log can be looked into
	databaseURL string
	natsURL     string
	db          *postgres.DB
	// lookups is a pool as the processes have them for what finds rows by an index.
	lookups *postgres.DB
	ledger  *ledger.Ledger // on db
	rows    *ledger.Ledger // on lookups
	queue   *queue.Queue
	streams jetstream.JetStream

	opener   *vault.Opener
	vaultKey string // its file

	pipe, held *os.File // the children's end of it, and ours
	exchange   *standIn
	accounts   []account
}

// later undoes a step, the last one first.
func (m *machine) later(fn func()) { m.undo = append(m.undo, fn) }

func (m *machine) file(elements ...string) string {
	return filepath.Join(append([]string{m.dir}, elements...)...)
}

// newMachine starts what scenarios have in common. What it returns must be closed,
// also with an error.
func newMachine(ctx context.Context, cfg Config) (*machine, error) {
	m := &machine{cfg: cfg}
	for _, step := range []func(context.Context) error{
		m.openDir, m.openVault, m.openDatabase, m.openBroker, m.openExchange, m.addAccounts,
	} {
		if err := step(ctx); err != nil {
			return m, err
		}
	}
	return m, nil
}

// openDir makes a directory that Postgres can enter as another user.
func (m *machine) openDir(context.Context) error {
	dir, err := os.MkdirTemp(m.cfg.Dir, "alphapulse-bench-")
	if err != nil {
		return fmt.Errorf("making a directory: %w; choose another place with --dir", err)
	}
	m.dir = dir
	err = errors.Join(os.Chmod(dir, 0o711), os.Mkdir(m.file("logs"), 0o700)) //nolint:gosec // to be entered, not listed
	if err != nil {
		return err
	}
	log, closer, err := daemon.Log{Service: "bench", Level: "warn", File: m.file("logs", "bench.log")}.Open()
	if err != nil {
		return err
	}
	m.log = log
	m.later(func() { _ = closer.Close() }) // nobody is left to tell
	if m.pipe, m.held, err = os.Pipe(); err != nil {
		return fmt.Errorf("making the pipe that tells processes of our end: %w", err)
	}
	m.later(func() { _, _ = m.pipe.Close(), m.held.Close() }) // their end is what was wanted
	return nil
}

func (m *machine) openVault(context.Context) error {
	if err := vault.GenerateKeys(m.file("vault")); err != nil {
		return err
	}
	m.vaultKey = m.file("vault", vault.PrivateKeyFile)
	opener, err := vault.ReadOpener(m.vaultKey)
	m.opener = opener
	return err
}

// patience bounds what should take seconds: a statement that prepares a pass, a
// process that starts.
const patience = 2 * time.Minute

// stopTime bounds the stop of Postgres.
const stopTime = 30 * time.Second

// openDatabase starts a private Postgres, or takes the one that is there, and brings
// the schema to this program's version.
func (m *machine) openDatabase(ctx context.Context) error {
	if m.databaseURL = m.cfg.DatabaseURL; m.databaseURL == "" {
		if err := m.startPostgres(ctx); err != nil {
			return err
		}
	}
	db, err := m.pool(ctx, "bench", 8)
	if err != nil {
		return err
	}
	m.db, m.ledger = db, ledger.New(db, ledger.Settings{})
	m.later(db.Close)
	if m.lookups, err = postgres.Open(ctx, m.lookupsConfig()); err != nil {
		return err
	}
	m.rows = ledger.New(m.lookups, ledger.Settings{})
	m.later(m.lookups.Close)
	address := dependency.PostgresAddress(m.databaseURL)
	err = dependency.Await(ctx, m.log, dependency.Dependency{Name: "Postgres", Address: address, Ready: db.WaitReady})
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, m.databaseURL, m.log); err != nil {
		return err
	}
	if err := m.refuseForeignData(ctx); err != nil {
		return err
	}
	if m.server != nil {
		_, err := db.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS pg_walinspect`)
		m.walInspect = err == nil // a server without contrib: full-page images are estimated
	}
	return nil
}

// errForeignData: the database is in use.
var errForeignData = errors.New("the database at DATABASE_URL holds accounts that are not the bench's: give it an empty one")

// refuseForeignData keeps the bench from a database that somebody needs: it empties
// tables.
func (m *machine) refuseForeignData(ctx context.Context) error {
	const query = `SELECT EXISTS (SELECT FROM alphapulse.accounts WHERE name NOT LIKE 'bench-%' AND name NOT LIKE 'plan-%')`
	var foreign bool
	if err := m.db.QueryRow(ctx, query).Scan(&foreign); err != nil {
		return fmt.Errorf("looking for accounts: %w", err)
	}
	if foreign {
		return errForeignData
	}
	return nil
}

// pool opens connections without the limits that a service needs. Statements that
// prepare a pass take long.
func (m *machine) pool(ctx context.Context, name string, conns int) (*postgres.DB, error) {
	return postgres.Open(ctx, m.patient(name, conns))
}

func (m *machine) patient(name string, conns int) postgres.Config {
	return postgres.Config{
		URL: m.databaseURL, Name: name, MaxConns: int32(conns), Log: m.log, //nolint:gosec // checked by Validate
		StatementTimeout: time.Hour, TransactionTimeout: time.Hour, LockTimeout: patience, AcquireTimeout: patience,
		IdleInTransactionTimeout: patience, SlowTransaction: time.Hour,
	}
}

// lookupsConfig is for what is measured as the scheduler does it, whose plans do not
// depend on how large the tables were when a statement ran first.
func (m *machine) lookupsConfig() postgres.Config {
	cfg := m.patient("bench-lookups", 8)
	cfg.ByIndex = true
	return cfg
}

// startPostgres starts a server as `alphapulse up` does, but for its checkpoints: none
// falls into a pass, so that full-page images can be told apart; and for its memory, of
// which a primary with so many accounts has that much at least.
func (m *machine) startPostgres(ctx context.Context) error {
	m.cfg.Progress("starting Postgres", 0, 0)
	server, err := pgserver.Start(ctx, pgserver.Config{
		DataDir: m.file("postgres"), PasswordFile: m.file("postgres.password"), Log: m.log.WithField("service", "postgres"),
		Settings: map[string]string{"max_wal_size": "8GB", "checkpoint_timeout": "1h", "shared_buffers": "1GB"},
	})
	if err != nil {
		return err
	}
	m.server, m.databaseURL = server, server.URL()
	m.later(func() {
		stop, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		if err := server.Stop(stop); err != nil {
			m.log.WithError(err).Warn("stopping Postgres")
		}
	})
	return nil
}

const (
	// brokerStore is how much the embedded broker may keep: planning for minutes fills
	// the streams.
	brokerStore = 8 << 30
	// jobsSize is the size of its job stream. At 80 % the scheduler would purge it, at
	// 4 us a message, and at the usual size that fell into the fourth minute of planning.
	jobsSize = 4 << 30
)

// openBroker starts a broker in this process, or takes the one that is there.
func (m *machine) openBroker(ctx context.Context) error {
	cfg := queue.Config{URL: m.cfg.NATSURL, Name: "bench", Log: m.log}
	if m.natsURL = m.cfg.NATSURL; m.natsURL == "" {
		b, err := broker.Start(ctx, broker.Config{
			StoreDir: m.file("nats"), Listen: "127.0.0.1:0", Name: "alphapulse-bench", Log: m.log,
			SyncAlways: m.cfg.SyncAlways, MaxStore: brokerStore,
		})
		if err != nil {
			return err
		}
		m.later(func() {
			if err := b.Stop(); err != nil {
				m.log.WithError(err).Warn("stopping the broker")
			}
		})
		m.natsURL, cfg.URL, cfg.InProcess = b.ClientURL(), "", b
		cfg.Limits.JobsBytes = jobsSize
	}
	q, err := queue.Connect(ctx, cfg)
	if err != nil {
		return err
	}
	m.queue = q
	m.later(q.Close)
	err = dependency.Await(ctx, m.log, dependency.Dependency{
		Name: "NATS", Address: dependency.NATSAddress(m.natsURL), Ready: q.Await,
	})
	if err != nil {
		return err
	}
	if _, err := q.EnsureStreams(ctx); err != nil {
		return err
	}
	return m.openStreams()
}

// openStreams connects once more, for what services never do: to hold a consumer
// back until everything is in line.
func (m *machine) openStreams() error {
	conn, err := nats.Connect(m.natsURL, nats.Name("bench-gate"), nats.MaxReconnects(-1))
	if err != nil {
		return fmt.Errorf("connecting to the broker: %w", err)
	}
	m.later(conn.Close)
	m.streams, err = jetstream.New(conn)
	return err
}
