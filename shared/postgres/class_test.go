package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	code := func(c string) error {
		return fmt.Errorf("doing something: %w", &pgconn.PgError{Code: c, Severity: "ERROR"})
	}
	for _, tt := range []struct {
		err  error
		want postgres.Class
	}{
		{nil, postgres.ClassNone},
		{fmt.Errorf("writing: %w: %w", postgres.ErrOvertaken, code("23505")), postgres.ClassSerialization},
		{code("40001"), postgres.ClassSerialization},
		{code("40P01"), postgres.ClassSerialization},
		{&pgconn.PgError{Code: "0A000", Routine: "RevalidateCachedQuery"}, postgres.ClassSerialization},
		{code("0A000"), postgres.ClassPermanent},
		{code("08006"), postgres.ClassConnection},
		{code("57P01"), postgres.ClassConnection},
		{code("57P02"), postgres.ClassConnection},
		{code("57P03"), postgres.ClassConnection},
		{code("25006"), postgres.ClassConnection},
		{code("25P03"), postgres.ClassConnection},
		{code("53300"), postgres.ClassResources},
		{code("53100"), postgres.ClassResources},
		{code("58030"), postgres.ClassResources},
		{code("55P03"), postgres.ClassLockTimeout},
		{code("57014"), postgres.ClassQueryCanceled},
		{code("23505"), postgres.ClassUniqueViolation},
		{code("23503"), postgres.ClassPermanent},
		{code("42601"), postgres.ClassPermanent},
		{code("28P01"), postgres.ClassPermanent},
		{fmt.Errorf("x: %w", io.ErrUnexpectedEOF), postgres.ClassConnection},
		{fmt.Errorf("x: %w", pgconn.ErrConnClosed), postgres.ClassConnection},
		{fmt.Errorf("%w: %w", postgres.ErrUnknownCommit, io.EOF), postgres.ClassUnknownCommit},
		{fmt.Errorf("%w: %w", postgres.ErrUnknownCommit, code("57P01")), postgres.ClassUnknownCommit},
		{context.Canceled, postgres.ClassCanceled},
		{context.DeadlineExceeded, postgres.ClassCanceled},
		{pgx.ErrNoRows, postgres.ClassNoRows},
		{errors.New("anything else"), postgres.ClassPermanent},
	} {
		require.Equal(t, tt.want, postgres.Classify(tt.err), "%v", tt.err)
		require.Equal(t, tt.want == postgres.ClassConnection, postgres.IsConnection(tt.err), "%v", tt.err)
	}
}

// The codes above are what a real server sends.
func TestClassifyWhatAServerSends(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) {
		c.StatementTimeout, c.LockTimeout = 150*time.Millisecond, 50*time.Millisecond
	})
	ledgerOf(t, db)
	exec := func(sql string) error {
		_, err := db.Exec(t.Context(), sql)
		return err
	}
	require.NoError(t, exec("INSERT INTO entries VALUES (1, 'x')"))

	duplicate := exec("INSERT INTO entries VALUES (1, 'y')")
	require.Equal(t, postgres.ClassUniqueViolation, postgres.Classify(duplicate))
	require.True(t, postgres.Violates(duplicate, "entries_pkey"))
	require.True(t, postgres.Violates(duplicate, ""))
	require.False(t, postgres.Violates(duplicate, "another"))
	require.False(t, postgres.Violates(exec("SELECT 1/0"), ""))

	require.Equal(t, postgres.ClassQueryCanceled, postgres.Classify(exec("SELECT pg_sleep(5)")))
	require.Equal(t, postgres.ClassConnection, postgres.Classify(exec("SELECT pg_terminate_backend(pg_backend_pid())")))

	err := db.InTx(t.Context(), "read only", insertOne, postgres.ReadOnly())
	require.Equal(t, "25006", postgres.SQLState(err))

	session, err := db.Acquire(t.Context(), "locker")
	require.NoError(t, err)
	defer session.Release()
	_, err = session.Exec(t.Context(), "SELECT pg_advisory_lock(1)")
	require.NoError(t, err)
	require.Equal(t, postgres.ClassLockTimeout, postgres.Classify(exec("SELECT pg_advisory_lock(1)")))
}

func TestWaitReadyEndsOnARefusal(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	missing := *d
	missing.URL = strings.Replace(d.URL, d.Name, "missing", 1)
	err := missing.Open(t).WaitReady(t.Context())
	require.Equal(t, "3D000", postgres.SQLState(err), "waiting would not create the database")

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	nobody := pgtest.DB{URL: "postgres://u@127.0.0.1:1/x"}
	err = nobody.Open(t).WaitReady(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "last answer")
}
