package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// fill opens n connections and returns them to the pool, whose first check is
// over by then.
func fill(t *testing.T, db *postgres.DB, n int) {
	t.Helper()
	require.Eventually(t, db.Healthy, 20*time.Second, time.Millisecond)
	var lent []*postgres.Conn
	for range n {
		conn, err := db.Acquire(t.Context(), "filling the pool")
		require.NoError(t, err)
		lent = append(lent, conn)
	}
	for _, conn := range lent {
		conn.Release()
	}
	require.Eventually(t, func() bool { return int(db.Stats().IdleConns) >= n }, 20*time.Second, time.Millisecond,
		"a check may have one for a moment")
}

// pastIdle waits until idle connections have to answer before they are lent out.
func pastIdle() { <-time.After(1100 * time.Millisecond) }

func TestAConnectionThatDiedWhileIdleIsReplacedBeforeUse(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	log, book := newLog()
	db := d.Open(t, func(c *postgres.Config) { c.Log, c.HealthCheckPeriod = log, time.Hour })
	fill(t, db, 3)
	_, err := d.Open(t).Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'alphapulse/test' AND pid <> pg_backend_pid()`)
	require.NoError(t, err)
	pastIdle()
	_, err = db.Exec(t.Context(), "SELECT 1")
	require.NoError(t, err, "nobody meets a connection that was dead before")
	require.EqualValues(t, 3, db.Stats().FailedChecks)
	require.Equal(t, 3, book.count("failed its check before use", `"pool":"test"`, "backend_pid"))
	require.True(t, db.Healthy())
}

// The machine of the server has vanished: every connection is open and silent.
// The first one that is asked condemns the others, so that whoever waits gets a
// new connection within his time, however many there were.
func TestSilentConnectionsCostOnePing(t *testing.T) {
	t.Parallel()
	p, url := newProxy(t, pgtest.New(t).URL)
	db := (&pgtest.DB{URL: url}).Open(t, func(c *postgres.Config) { c.HealthCheckPeriod = time.Hour })
	fill(t, db, 8)
	p.freezeOpen()
	pastIdle()
	_, err := db.Exec(t.Context(), "SELECT 1")
	require.NoError(t, err)
	require.EqualValues(t, 1, db.Stats().FailedChecks)
	require.EqualValues(t, 1, db.Stats().Resets)
	require.True(t, db.Healthy(), "the new connection made up for it")
}

// Connections end after their lifetime, each at a time of its own.
func TestConnectionsEndAfterTheirLifetimeOneByOne(t *testing.T) {
	t.Parallel()
	log, book := newLog()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) {
		c.Log, c.MaxConns, c.HealthCheckPeriod = log, 12, 20*time.Millisecond
		c.MaxConnLifetime, c.MaxConnLifetimeJitter = 3*time.Second, 5*time.Second
	})
	fill(t, db, 12)
	require.Zero(t, db.Stats().ClosedByLifetime)
	closed := func() int64 { return db.Stats().ClosedByLifetime }
	require.Eventually(t, func() bool { return closed() > 0 }, 20*time.Second, time.Millisecond)
	first := time.Now()
	require.Eventually(t, func() bool { return closed() >= 12 }, 30*time.Second, time.Millisecond)
	require.Greater(t, time.Since(first), 900*time.Millisecond, "not all at once")
	require.Eventually(t, func() bool { return book.count("connection closed", "age") >= 12 }, 20*time.Second, 10*time.Millisecond)
	require.True(t, db.Healthy(), "the end of a connection is no failure")
	require.NoError(t, db.Ping(t.Context()))
}

// A server that becomes read-only is noticed at the next check although it
// answers, and the pool asks for another one until it is over.
func TestAReadOnlyServerIsNotHealthy(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	log, book := newLog()
	fast := func(c *postgres.Config) { c.HealthCheckPeriod = 20 * time.Millisecond }
	writer := server.DB().Open(t, fast, func(c *postgres.Config) { c.Log = log })
	reader := server.DB().Open(t, fast, func(c *postgres.Config) { c.Replica = true })
	require.Eventually(t, writer.Healthy, 10*time.Second, time.Millisecond)
	require.Eventually(t, reader.Healthy, 10*time.Second, time.Millisecond)
	setReadOnly := func(value string) {
		session, err := reader.Acquire(t.Context(), "operator")
		require.NoError(t, err)
		defer session.Release()
		_, err = session.Exec(t.Context(), "ALTER SYSTEM SET default_transaction_read_only = "+value)
		require.NoError(t, err)
		_, err = session.Exec(t.Context(), "SELECT pg_reload_conf()")
		require.NoError(t, err)
	}

	setReadOnly("on")
	require.Eventually(t, func() bool { return writer.Health().Alert }, 15*time.Second, time.Millisecond)
	require.ErrorIs(t, writer.Health().Err, postgres.ErrReadOnly)
	require.Positive(t, writer.Stats().Resets)
	err := writer.Ready(t.Context())
	require.ErrorIs(t, err, postgres.ErrReadOnly)
	require.ErrorContains(t, err, "ALERT")
	require.True(t, postgres.IsConnection(err))
	require.True(t, reader.Healthy(), "a replica's pool writes nothing")
	require.NoError(t, reader.Ready(t.Context()))

	setReadOnly("off")
	require.Eventually(t, writer.Healthy, 15*time.Second, time.Millisecond)
	require.NoError(t, writer.Ready(t.Context()))
	require.False(t, writer.Stats().Health.Alert)
	require.Equal(t, 1, book.count(`"level":"error"`, "does not answer"), "once at its begin")
	require.Equal(t, 1, book.count("answers again"), "once at its end")
}

// The first statement that meets an outage makes the pool look, however long
// its period is.
func TestAFailedStatementIsFollowedByACheck(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	db := server.DB().Open(t, func(c *postgres.Config) { c.HealthCheckPeriod = time.Hour })
	require.Eventually(t, db.Healthy, 10*time.Second, time.Millisecond)
	session, err := db.Acquire(t.Context(), "long session")
	require.NoError(t, err)
	server.Kill()
	_, err = session.Exec(t.Context(), "SELECT 1")
	require.Error(t, err)
	session.Release()
	require.Eventually(t, func() bool { return !db.Healthy() }, 10*time.Second, time.Millisecond)
	server.Start()
	require.Eventually(t, db.Healthy, 10*time.Second, time.Millisecond)
}
