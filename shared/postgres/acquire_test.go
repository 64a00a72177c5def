package postgres_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestAnExhaustedPoolNamesWhoHoldsIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) {
		c.Name, c.MaxConns, c.AcquireTimeout = "writes", 2, time.Second
	})
	session, err := db.Acquire(t.Context(), "advisory lock")
	require.NoError(t, err)

	release, inside := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		_ = db.InTx(context.Background(), "commit balances", func(context.Context, pgx.Tx) error {
			close(inside)
			<-release
			return nil
		})
	})
	<-inside
	_, err = db.Exec(t.Context(), "UPDATE   alphapulse.sync_jobs\n SET lease_until = now()")
	require.ErrorIs(t, err, postgres.ErrPoolExhausted)
	require.Equal(t, postgres.ClassResources, postgres.Classify(err))
	for _, part := range []string{
		`pool "writes"`, "all 2 connections in use", "waited ",
		`for "UPDATE alphapulse.sync_jobs SET lease_until`, "advisory lock (", "commit balances (",
	} {
		require.ErrorContains(t, err, part)
	}
	var exhausted *postgres.ExhaustedError
	require.ErrorAs(t, err, &exhausted)
	require.GreaterOrEqual(t, exhausted.Waited, time.Second)
	require.Positive(t, exhausted.Holders[1].Held)
	require.Len(t, exhausted.Holders, 2)
	require.Equal(t, "advisory lock", exhausted.Holders[0].Label, "the longest first")
	require.EqualValues(t, 1, db.Stats().Exhausted)

	session.Release()
	session.Release()
	close(release)
	done.Wait()
	require.NoError(t, db.Ping(t.Context()), "and it recovers")
	idle(t, db)
}

func TestAcquireSaysWhenItsCallerGaveUp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.MaxConns = 1 })
	session, err := db.Acquire(t.Context(), "holder")
	require.NoError(t, err)
	defer session.Release()

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = db.Acquire(ctx, "impatient")
	require.ErrorIs(t, err, postgres.ErrPoolExhausted, "the reason he waited in vain")
	require.ErrorIs(t, err, context.DeadlineExceeded)

	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err = db.Acquire(ctx, "cancelled")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, postgres.ClassCanceled, postgres.Classify(err))
}

func TestAnUnreachableServerIsNotAnExhaustedPool(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never says a word
	require.NoError(t, err)
	defer silent.Close()
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, refusing.Close())

	for name, addr := range map[string]string{
		"silent": silent.Addr().String(), "refusing": refusing.Addr().String(),
	} {
		db := (&pgtest.DB{URL: "postgres://u:hunter2@" + addr + "/x?sslmode=disable"}).Open(t,
			func(c *postgres.Config) { c.AcquireTimeout = 200 * time.Millisecond })
		start := time.Now()
		_, err := db.Exec(t.Context(), "SELECT 1")
		require.Error(t, err, name)
		require.NotErrorIs(t, err, postgres.ErrPoolExhausted, name)
		require.True(t, postgres.IsConnection(err), "%s: %v", name, err)
		require.NotContains(t, err.Error(), "hunter2", name)
		require.Less(t, time.Since(start), 4*time.Second, name)
		require.False(t, db.Healthy(), name)
	}
}

// A connection given back inside a transaction must not reach the next user.
func TestAReturnedConnectionIsClean(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.MaxConns = 1 })
	ledgerOf(t, db)
	session, err := db.Acquire(t.Context(), "careless")
	require.NoError(t, err)
	_, err = session.Exec(t.Context(), "BEGIN")
	require.NoError(t, err)
	_, err = session.Exec(t.Context(), "INSERT INTO entries VALUES (1, 'x')")
	require.NoError(t, err)
	session.Release()
	require.Zero(t, entries(t, db))
}

func TestQueriesReturnTheirConnection(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.MaxConns = 1 })

	rows, err := db.Query(t.Context(), "SELECT generate_series(1, 3)")
	require.NoError(t, err)
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 3}, numbers)
	idle(t, db)

	rows, err = db.Query(t.Context(), "SELECT generate_series(1, 3)")
	require.NoError(t, err)
	require.True(t, rows.Next())
	rows.Close()
	idle(t, db)

	_, err = db.Query(t.Context(), "SELECT nonsense") //nolint:sqlclosecheck // there are none
	require.Equal(t, "42703", postgres.SQLState(err))
	idle(t, db)

	require.ErrorIs(t, db.QueryRow(t.Context(), "SELECT 1 WHERE false").Scan(new(int)), pgx.ErrNoRows)
	require.Error(t, db.QueryRow(t.Context(), "SELECT 'x'").Scan(new(int)))
	idle(t, db)

	batch := &pgx.Batch{}
	batch.Queue("SELECT 1")
	batch.Queue("SELECT 2")
	results := db.SendBatch(t.Context(), batch)
	var n int
	require.NoError(t, results.QueryRow().Scan(&n))
	require.NoError(t, results.Close())
	require.Equal(t, 1, n)
	idle(t, db)
}

func TestCloseEndsThoughAConnectionIsKept(t *testing.T) {
	t.Parallel()
	log, book := newLog()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.New(t).URL, Name: "kept", Log: log})
	require.NoError(t, err)
	session, err := db.Acquire(t.Context(), "forgetful")
	require.NoError(t, err)
	start := time.Now()
	db.Close()
	require.Less(t, time.Since(start), 5*time.Second)
	require.Equal(t, 1, book.count("could not be closed", "forgetful"))
	session.Release()
}
