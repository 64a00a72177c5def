package postgres_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// either is the URL of several servers, of which the primary is wanted.
func either(attrs string, ports ...int) *pgtest.DB {
	var hosts []string
	for _, port := range ports {
		hosts = append(hosts, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}
	return &pgtest.DB{URL: "postgres://postgres@" + strings.Join(hosts, ",") +
		"/alphapulse?sslmode=disable&target_session_attrs=" + attrs}
}

func portOf(t *testing.T, db *postgres.DB) (port int) {
	t.Helper()
	require.NoError(t, db.QueryRow(t.Context(), "SELECT current_setting('port')::int").Scan(&port))
	return port
}

// The primary is killed and its replica promoted: pools, transactions and
// listeners move over by themselves, whatever the spelling of the wish.
func TestEveryPoolMovesToThePromotedReplica(t *testing.T) {
	t.Parallel()
	old := pgtest.NewServer(t, nil)
	ledgerOf(t, old.DB().Open(t))
	next := old.Replica()
	var pools []*postgres.DB
	for _, attrs := range []string{"read-write", "primary"} {
		pools = append(pools, either(attrs, old.Port(), next.Port()).Open(t), either(attrs, next.Port(), old.Port()).Open(t))
	}
	log, _ := newLog()
	gate := postgres.NewGate(log, pools...)
	runGate(t, gate)
	for _, db := range pools {
		fill(t, db, 3)
		require.Equal(t, old.Port(), portOf(t, db))
	}
	heard := listenOn(t, pools[0], "sync_jobs")
	require.Zero(t, nextIn(t, heard), "it listens")
	taking, done, err := gate.Pass(t.Context())
	require.NoError(t, err)
	defer done()

	old.Kill()
	<-taking.Done()
	next.Promote()
	promoted := time.Now()
	_, done, err = gate.Pass(t.Context())
	require.NoError(t, err)
	done()
	t.Logf("work goes on %s after the promotion", time.Since(promoted).Round(time.Millisecond))
	for i, db := range pools {
		require.NoError(t, db.InTx(t.Context(), "after the fail-over", func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO entries VALUES ($1, 'x')", i)
			return err
		}))
		require.Equal(t, next.Port(), portOf(t, db))
	}
	require.Zero(t, nextIn(t, heard), "it listens again")
	_, err = pools[1].Exec(t.Context(), "NOTIFY sync_jobs, 'from the new primary'")
	require.NoError(t, err)
	require.Equal(t, "from the new primary", nextIn(t, heard).Payload)
}

func nextIn(t *testing.T, heard <-chan postgres.Notification) postgres.Notification {
	t.Helper()
	return next(t, heard, 30*time.Second)
}

// The old primary is alive and refuses writes (25006): the transaction that
// meets it stores nothing, and the one after it is on the new primary.
func TestARefusedWriteMovesThePool(t *testing.T) {
	t.Parallel()
	old := pgtest.NewServer(t, nil)
	operator := old.DB().Open(t)
	ledgerOf(t, operator)
	next := old.Replica()
	log, book := newLog()
	// Nothing but the refusal tells the pool: its checks are too seldom, and no answer
	// is so slow that a connection counts as dead.
	db := either("read-write", old.Port(), next.Port()).Open(t, func(c *postgres.Config) {
		c.Log, c.HealthCheckPeriod, c.PingTimeout = log, time.Hour, time.Minute
	})
	fill(t, db, 3)
	caughtUp(t, operator, next)
	for _, sql := range []string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"} {
		_, err := operator.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	next.Promote()
	require.Eventually(t, func() bool {
		var value string
		return db.QueryRow(t.Context(), "SHOW default_transaction_read_only").Scan(&value) == nil && value == "on"
	}, 20*time.Second, 10*time.Millisecond, "the old primary has read its new configuration")

	err := db.InTx(t.Context(), "refused", insertOne)
	require.Equal(t, "25006", postgres.SQLState(err))
	require.Equal(t, postgres.ClassConnection, postgres.Classify(err))
	require.Positive(t, book.count("connections reset", "25006"))
	require.NoError(t, db.InTx(t.Context(), "again", insertOne))
	require.Equal(t, next.Port(), portOf(t, db))
	require.Equal(t, 1, entries(t, db))
	require.Zero(t, entries(t, operator), "and nothing is on the old one")
}

// A check that finds its server refusing writes looks for another one of the URL
// before it calls the database away: while there is a primary, no work stops.
func TestACheckLeavesAServerThatRefusesWrites(t *testing.T) {
	t.Parallel()
	here, there := pgtest.NewServer(t, nil), pgtest.NewServer(t, nil)
	log, book := newLog()
	db := either("read-write", here.Port(), there.Port()).Open(t, func(c *postgres.Config) {
		c.Log, c.HealthCheckPeriod = log, 20*time.Millisecond
	})
	require.Equal(t, here.Port(), portOf(t, db))
	gate := postgres.NewGate(log, db)
	runGate(t, gate)
	require.Eventually(t, gate.IsOpen, 20*time.Second, time.Millisecond)
	operator := here.DB().Open(t)
	for _, sql := range []string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"} {
		_, err := operator.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return db.Stats().Resets > 0 && db.Healthy() }, 20*time.Second, time.Millisecond)
	require.Equal(t, there.Port(), portOf(t, db))
	require.Zero(t, book.count("no more work is taken"))
}

// caughtUp waits until the replica has replayed what the primary has written.
func caughtUp(t *testing.T, primary *postgres.DB, replica *pgtest.Server) {
	t.Helper()
	var lsn string
	require.NoError(t, primary.QueryRow(t.Context(), "SELECT pg_current_wal_lsn()::text").Scan(&lsn))
	db := replica.DB().Open(t, asReplica)
	require.Eventually(t, func() bool {
		var done bool
		return db.QueryRow(t.Context(), "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", lsn).Scan(&done) == nil && done
	}, 20*time.Second, 10*time.Millisecond)
}

// Primary and replica change places, and back again: nobody has to be told.
func TestServersThatChangePlacesAreFollowed(t *testing.T) {
	t.Parallel()
	one := pgtest.NewServer(t, nil)
	ledgerOf(t, one.DB().Open(t))
	two := one.Replica()
	db := either("read-write", one.Port(), two.Port()).Open(t)
	require.NoError(t, db.InTx(t.Context(), "on one", insertOne))
	one.SwitchTo(two)
	require.Eventually(t, func() bool {
		_, err := db.Exec(t.Context(), "UPDATE entries SET note = 'on two'")
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
	require.Equal(t, two.Port(), portOf(t, db))
	two.SwitchTo(one)
	require.Eventually(t, func() bool {
		_, err := db.Exec(t.Context(), "UPDATE entries SET note = 'on one again'")
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
	require.Equal(t, one.Port(), portOf(t, db))
	require.Equal(t, 1, entries(t, db))
}

// A first server that is silent (its machine has lost power) leaves time for the
// second, for a pool and for a listener.
func TestASilentServerLeavesTimeForTheNext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never says a word
	require.NoError(t, err)
	defer silent.Close()
	server := pgtest.NewServer(t, nil)
	db := either("read-write", silent.Addr().(*net.TCPAddr).Port, server.Port()).Open(t, func(c *postgres.Config) {
		c.ConnectTimeout, c.AcquireTimeout = 4*time.Second, 20*time.Second
	})
	began := time.Now()
	require.Equal(t, server.Port(), portOf(t, db))
	t.Logf("connected after %s", time.Since(began).Round(time.Millisecond))
	require.Less(t, time.Since(began), 10*time.Second)
	require.Zero(t, nextIn(t, listenOn(t, db, "sync_jobs")), "it listens")
}
