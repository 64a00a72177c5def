package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// reaction is what InTx does about one SQLSTATE that a server really sent.
type reaction struct {
	code  string
	class postgres.Class
	runs  int  // of the closure
	reset bool // all connections are replaced
	kept  bool // the connection goes back into the pool
	// provoke makes the server answer so, inside the transaction.
	provoke func(ctx context.Context, t *testing.T, tx pgx.Tx, db, other *postgres.DB) error
	opts    []postgres.TxOption
}

func statement(sql string) func(context.Context, *testing.T, pgx.Tx, *postgres.DB, *postgres.DB) error {
	return func(ctx context.Context, _ *testing.T, tx pgx.Tx, _, _ *postgres.DB) error {
		_, err := tx.Exec(ctx, sql)
		return err
	}
}

// changedMeanwhile reads a row, lets another transaction change it, and changes
// it too: under repeatable read the second change is lost.
func changedMeanwhile(ctx context.Context, t *testing.T, tx pgx.Tx, _, other *postgres.DB) error {
	var note string
	require.NoError(t, tx.QueryRow(ctx, "SELECT note FROM entries WHERE id = 0").Scan(&note))
	_, err := other.Exec(t.Context(), "UPDATE entries SET note = note || 'x' WHERE id = 0")
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "UPDATE entries SET note = 'mine' WHERE id = 0")
	return err
}

// lockedRow waits for a row that a session holds for longer than lock_timeout.
func lockedRow(ctx context.Context, t *testing.T, tx pgx.Tx, _, other *postgres.DB) error {
	session, err := other.Acquire(t.Context(), "locker")
	require.NoError(t, err)
	defer session.Release() // inside a transaction, so it is destroyed
	for _, sql := range []string{"BEGIN", "SELECT FROM entries WHERE id = 0 FOR UPDATE"} {
		_, err := session.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	_, err = tx.Exec(ctx, "UPDATE entries SET note = 'mine' WHERE id = 0")
	return err
}

func terminated(ctx context.Context, t *testing.T, tx pgx.Tx, _, other *postgres.DB) error {
	var pid int
	require.NoError(t, tx.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid))
	_, err := other.Exec(t.Context(), "SELECT pg_terminate_backend($1, 10000)", pid)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "SELECT 1")
	return err
}

func readOnly(ctx context.Context, t *testing.T, tx pgx.Tx, _, _ *postgres.DB) error {
	_, err := tx.Exec(ctx, "SET TRANSACTION READ ONLY")
	require.NoError(t, err)
	return insertOne(ctx, tx)
}

// spilled sorts more than temp_file_limit lets it put aside.
func spilled(ctx context.Context, t *testing.T, tx pgx.Tx, _, _ *postgres.DB) error {
	_, err := tx.Exec(ctx, "SET LOCAL temp_file_limit = '100kB'; SET LOCAL work_mem = '64kB'")
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "SELECT count(*) FROM (SELECT g FROM generate_series(1, 100000) g ORDER BY g::text) x")
	return err
}

func reactions() map[string]reaction {
	return map[string]reaction{
		"serialization failure": {
			code: "40001", class: postgres.ClassSerialization, runs: 5, kept: true, provoke: changedMeanwhile,
			opts: []postgres.TxOption{postgres.Isolation(pgx.RepeatableRead)},
		},
		"lock timeout": {code: "55P03", class: postgres.ClassLockTimeout, runs: 1, kept: true, provoke: lockedRow},
		"statement timeout": {
			code: "57014", class: postgres.ClassQueryCanceled, runs: 1, kept: true, provoke: statement("SELECT pg_sleep(30)"),
		},
		"terminated by operator": {code: "57P01", class: postgres.ClassConnection, runs: 1, reset: true, provoke: terminated},
		"read-only":              {code: "25006", class: postgres.ClassConnection, runs: 1, reset: true, provoke: readOnly},
		"out of temporary space": {code: "53400", class: postgres.ClassResources, runs: 1, kept: true, provoke: spilled},
		"already there": {
			code: "23505", class: postgres.ClassUniqueViolation, runs: 1, kept: true,
			provoke: statement("INSERT INTO entries VALUES (0, 'again')"),
		},
		"not null": {
			code: "23502", class: postgres.ClassPermanent, runs: 1, kept: true,
			provoke: statement("INSERT INTO entries VALUES (NULL, '')"),
		},
		"not a number": {
			code: "22P02", class: postgres.ClassPermanent, runs: 1, kept: true, provoke: statement("SELECT 'x'::int"),
		},
		"no such table": {
			code: "42P01", class: postgres.ClassPermanent, runs: 1, kept: true, provoke: statement("SELECT FROM nothing"),
		},
	}
}

// Every class is met with what design section 5 asks for, and nothing is tried
// again that is somebody else's to try.
func TestWhatInTxDoesAboutEachSQLState(t *testing.T) {
	t.Parallel()
	for name, r := range reactions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t)
			other := d.Open(t)
			db := d.Open(t, func(c *postgres.Config) {
				c.StatementTimeout, c.LockTimeout, c.HealthCheckPeriod = 3*time.Second, 300*time.Millisecond, time.Hour
			})
			ledgerOf(t, other)
			_, err := other.Exec(t.Context(), "INSERT INTO entries VALUES (0, '')")
			require.NoError(t, err)
			require.Eventually(t, db.Healthy, 20*time.Second, time.Millisecond)

			runs, pid := 0, 0
			err = db.InTx(t.Context(), name, func(ctx context.Context, tx pgx.Tx) error {
				runs++
				require.NoError(t, tx.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid))
				return r.provoke(ctx, t, tx, db, other)
			}, r.opts...)
			require.Equal(t, r.code, postgres.SQLState(err), "%v", err)
			require.Equal(t, r.class, postgres.Classify(err))
			require.Equal(t, r.runs, runs)
			require.Equal(t, r.reset, db.Stats().Resets == 1)
			idle(t, db)
			require.NoError(t, db.InTx(t.Context(), "the next", insertOne), "the pool is usable at once")
			require.Eventually(t, func() bool {
				var alive bool
				err := other.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", pid).Scan(&alive)
				return err == nil && alive == r.kept
			}, 20*time.Second, time.Millisecond, "the connection goes on: %t", r.kept)
			require.Eventually(t, db.Healthy, 20*time.Second, time.Millisecond, "a statement's failure is not the server's")
		})
	}
}

// Too many clients (53300): whoever has a connection goes on, whoever needs a
// new one is told to back off, and the pool is unhealthy for a moment, which
// takes load off the server.
func TestTooManyClients(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, map[string]string{"max_connections": "5", "superuser_reserved_connections": "0", "max_wal_senders": "0"})
	crowd := server.DB().Open(t, func(c *postgres.Config) { c.MaxConns, c.HealthCheckPeriod = 8, time.Hour })
	fill(t, crowd, 5)
	late := server.DB().Open(t, func(c *postgres.Config) { c.HealthCheckPeriod = time.Hour })
	require.Eventually(t, func() bool { return late.Health().Failures > 0 }, 20*time.Second, time.Millisecond)
	_, err := late.Exec(t.Context(), "SELECT 1")
	require.Equal(t, "53300", postgres.SQLState(err), "%v", err)
	require.Equal(t, postgres.ClassResources, postgres.Classify(err))
	require.True(t, postgres.NoConnection(err), "nothing was sent")
	runs := 0
	err = late.InTx(t.Context(), "one too many", func(context.Context, pgx.Tx) error {
		runs++
		return nil
	})
	require.Equal(t, "53300", postgres.SQLState(err))
	require.Zero(t, runs)
	require.False(t, late.Healthy())
	require.NoError(t, crowd.Ping(t.Context()), "who has a connection keeps it")
	crowd.Close()
	require.Eventually(t, late.Healthy, 20*time.Second, time.Millisecond)
}

// Disk full (53100), on a file system of four megabytes.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	db := d.Open(t)
	small := tinyFileSystem(t, db)
	if small == "" {
		t.Skip("not run: a file system of its own needs root and a server of ours")
	}
	_, err := db.Exec(t.Context(), "CREATE TABLESPACE "+d.Name+" LOCATION '"+small+"'")
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, sql := range []string{"DROP TABLE IF EXISTS big", "DROP TABLESPACE " + d.Name} {
			_, err := db.Exec(context.Background(), sql)
			require.NoError(t, err)
		}
	})
	_, err = db.Exec(t.Context(), "CREATE TABLE big (text text) TABLESPACE "+d.Name)
	require.NoError(t, err)
	runs := 0
	err = db.InTx(t.Context(), "too big", func(ctx context.Context, tx pgx.Tx) error {
		runs++
		_, err := tx.Exec(ctx, "INSERT INTO big SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
		return err
	})
	require.Equal(t, "53100", postgres.SQLState(err), "%v", err)
	require.Equal(t, postgres.ClassResources, postgres.Classify(err))
	require.False(t, postgres.NoConnection(err))
	require.Equal(t, 1, runs)
	require.Zero(t, db.Stats().Resets)
	var n int
	require.NoError(t, db.QueryRow(t.Context(), "SELECT count(*) FROM big").Scan(&n))
	require.Zero(t, n)
}

// dataDirectory is the server's, if this machine has it.
func dataDirectory(t *testing.T, db *postgres.DB) string {
	t.Helper()
	var dir string
	require.NoError(t, db.QueryRow(t.Context(), "SHOW data_directory").Scan(&dir))
	if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); err != nil || strings.TrimSpace(dir) == "" {
		return ""
	}
	return dir
}
