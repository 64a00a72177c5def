package postgres_test

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// ownServer is a server of this test's own, to be stopped and started. port 0
// picks one.
func ownServer(t *testing.T, dir string, port int) *pgserver.Server {
	t.Helper()
	s, err := pgserver.Start(t.Context(), pgserver.Config{
		DataDir: filepath.Join(dir, "data"), Port: port, Settings: map[string]string{"fsync": "off"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { stopServer(t, s) })
	return s
}

func stopServer(t *testing.T, s *pgserver.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(t, s.Stop(ctx))
	require.NoError(t, <-s.Done())
}

// The server goes away and comes back: one alert, one all-clear, and work goes
// on without anybody's help, on new connections.
func TestAnOutageIsNoticedOnceAndSurvived(t *testing.T) {
	t.Parallel()
	dir := pgtest.Dir(t)
	server := ownServer(t, dir, 0)
	log, book := newLog()
	db := (&pgtest.DB{URL: server.URL()}).Open(t, func(c *postgres.Config) {
		c.Log, c.Name, c.HealthCheckPeriod, c.AlertAfter = log, "claims", 50*time.Millisecond, 3
	})
	require.NoError(t, db.WaitReady(t.Context()))
	require.Eventually(t, db.Healthy, 5*time.Second, time.Millisecond)
	require.Positive(t, book.count("connection opened", `"pool":"claims"`, "backend_pid"))

	stopServer(t, server)
	require.Eventually(t, func() bool { return db.Health().Alert }, 10*time.Second, time.Millisecond)
	require.False(t, db.Healthy())
	require.GreaterOrEqual(t, db.Health().Failures, 3)
	_, err := db.Exec(t.Context(), "SELECT 1")
	require.True(t, postgres.IsConnection(err), "%v", err)
	require.Positive(t, book.count("connection closed", `"pool":"claims"`, "backend_pid", "age"))

	begun := time.Now()
	ownServer(t, dir, server.Port())
	require.Eventually(t, db.Healthy, 5*time.Second, time.Millisecond)
	require.Less(t, time.Since(begun), 5*time.Second)
	_, err = db.Exec(t.Context(), "SELECT 1")
	require.NoError(t, err)
	require.Equal(t, 1, book.count(`"level":"error"`, "does not answer"))
	require.Equal(t, 1, book.count("answers again"))
}

// Connections that a restart left dead are used up by InTx before its closure
// runs: no work fails because of them.
func TestInTxPassesOverConnectionsThatARestartKilled(t *testing.T) {
	t.Parallel()
	dir := pgtest.Dir(t)
	server := ownServer(t, dir, 0)
	log, book := newLog()
	db := (&pgtest.DB{URL: server.URL()}).Open(t, func(c *postgres.Config) {
		c.Log, c.MaxConns, c.HealthCheckPeriod = log, 4, time.Hour
	})
	ledgerOf(t, db)
	var sessions []*postgres.Conn
	for range 4 {
		session, err := db.Acquire(t.Context(), "filling the pool")
		require.NoError(t, err)
		sessions = append(sessions, session)
	}
	stopServer(t, server)
	ownServer(t, dir, server.Port())
	for _, session := range sessions {
		session.Release() // just used, so the pool does not ping them
	}
	require.NoError(t, db.InTx(t.Context(), "after the restart", insertOne))
	require.Equal(t, 1, entries(t, db))
	require.LessOrEqual(t, book.count("connections reset"), 1)
}

// A server that is shutting down tells one connection, and all are replaced.
func TestOneShutdownNoticeResetsThePool(t *testing.T) {
	t.Parallel()
	log, book := newLog()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.Log, c.HealthCheckPeriod = log, time.Hour })
	require.NoError(t, db.Ping(t.Context()))
	_, err := db.Exec(t.Context(), "SELECT pg_terminate_backend(pg_backend_pid())")
	require.Equal(t, "57P01", postgres.SQLState(err))
	require.Equal(t, 1, book.count("connections reset", `"pool":"test"`))
	require.EqualValues(t, 1, db.Stats().Resets)
	require.NoError(t, db.Ping(t.Context()))
}

func TestAFullPoolIsNotAnOutage(t *testing.T) {
	t.Parallel()
	log, book := newLog()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) {
		c.Log, c.MaxConns, c.AcquireTimeout = log, 1, 300*time.Millisecond
		c.HealthCheckPeriod, c.AlertAfter = 10*time.Millisecond, 1
	})
	require.Eventually(t, db.Healthy, 5*time.Second, time.Millisecond)
	session, err := db.Acquire(t.Context(), "long work")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return db.Stats().Exhausted >= 3 }, 5*time.Second, time.Millisecond)
	require.True(t, db.Healthy())
	require.Zero(t, book.count("does not answer"))
	session.Release()
}

func TestServicesMayStartBeforePostgres(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	db := (&pgtest.DB{URL: "postgres://postgres@127.0.0.1:" + strconv.Itoa(port) + "/postgres?sslmode=disable"}).Open(t)
	require.False(t, db.Healthy())
	ready := make(chan error, 1)
	go func() { ready <- db.WaitReady(t.Context()) }()
	ownServer(t, pgtest.Dir(t), port)
	require.NoError(t, <-ready)
}
