package monitoring

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// site is a fleet of processes, with two accounts that are read every second, on a
// database that the test breaks.
type site struct {
	t         *testing.T
	server    *pgtest.Server
	api       string            // its address
	processes map[string]string // where each shows its metrics
}

func newSite(t *testing.T) *site {
	t.Helper()
	server := pgtest.NewServer(t, map[string]string{"max_connections": "300"})
	require.NoError(t, postgres.Migrate(t.Context(), server.URL(), nil))
	f := fleettest.NewOn(t, exchangesim.Config{}, server.DB())
	fleettest.WithoutHistories(t, f.Pool)
	s := &site{t: t, server: server, processes: map[string]string{}}
	start := f.Processes(f.Broker.URL())
	run := func(name string, args ...string) {
		s.processes[name] = queuetest.FreeAddress(t)
		start(name, append(args, "--health", s.processes[name])...)
	}
	run("scheduler", "scheduler", "--budget", "0")
	run("aggregator", "aggregator")
	for _, dataType := range syncjob.All() {
		run("worker-"+string(dataType), "worker", "--types", string(dataType), "--requests-per-second", "100000")
	}
	s.startAPI(f)
	f.Active(0)
	f.Active(1)
	_, err := f.Pool.Exec(t.Context(), `
UPDATE alphapulse.schedules SET every = interval '1 second', next_at = clock_timestamp() WHERE data_type = ANY ($1)`, syncjob.All())
	require.NoError(t, err)
	return s
}

// startAPI starts an API with vault keys of its own: it adds no account.
func (s *site) startAPI(f *fleettest.Fleet) {
	s.t.Helper()
	keys := s.t.TempDir()
	require.NoError(s.t, vault.GenerateKeys(keys))
	address, health := queuetest.FreeAddress(s.t), queuetest.FreeAddress(s.t)
	fleettest.Start(s.t, "api", []string{
		"DATABASE_URL=" + s.server.URL(), "NATS_URL=" + f.Broker.URL(),
		vault.PublicKeySetting + "_FILE=" + filepath.Join(keys, vault.PublicKeyFile),
	}, fleettest.Binary(s.t), "api", "--http", address, "--health", health)
	s.api, s.processes["api"] = "http://"+address, health
}

// connect opens a connection that is not of the fleet.
func (s *site) connect() *pgx.Conn {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.server.URL())
	require.NoError(s.t, err)
	return conn
}

// lock holds a lock on a table, as a migration by hand would, until it is released.
func (s *site) lock(table, mode string) (release func()) {
	s.t.Helper()
	conn := s.connect()
	tx, err := conn.Begin(s.t.Context())
	require.NoError(s.t, err)
	_, err = tx.Exec(s.t.Context(), "LOCK TABLE "+table+" IN "+mode+" MODE")
	require.NoError(s.t, err)
	return func() { require.NoError(s.t, conn.Close(context.WithoutCancel(s.t.Context()))) }
}

// slow keeps every commit of the workers waiting for a lock.
func (s *site) slow() (mend func()) { return s.lock("alphapulse.sync_state", "SHARE") }

// exhaust has more callers of the API wait for a locked table than it has
// connections.
func (s *site) exhaust() (mend func()) {
	release := s.lock("alphapulse.audit_log", "ACCESS EXCLUSIVE")
	return both(release, s.repeat(64, func(ctx context.Context) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost,
			s.api+"/alphapulse.control.v1.AuditService/ListAudit", strings.NewReader("{}"))
		if err != nil {
			return
		}
		request.Header.Set("Content-Type", "application/json")
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}))
}

// cut ends every connection of the fleet, again and again.
func (s *site) cut() (mend func()) {
	conn := s.connect()
	stop := s.repeat(1, func(ctx context.Context) {
		_, _ = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'alphapulse/%'`)
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	})
	return both(stop, func() { _ = conn.Close(context.WithoutCancel(s.t.Context())) })
}

// kill ends the server as a crash would.
func (s *site) kill() (mend func()) {
	s.server.Kill()
	return s.server.Start
}

func both(first, second func()) func() { return func() { first(); second() } }

// repeat does something in several goroutines until it is stopped.
func (s *site) repeat(times int, fn func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var doing sync.WaitGroup
	for range times {
		doing.Go(func() {
			for ctx.Err() == nil {
				fn(ctx)
			}
		})
	}
	return func() { cancel(); doing.Wait() }
}
