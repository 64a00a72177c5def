package postgres_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestHintsAreSentAfterTheCommitAndOnlyThen(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	got := listenOn(t, db, "hints")
	require.Zero(t, next(t, got, 5*time.Second))

	rolledBack := errors.New("rolled back")
	err := db.InTx(t.Context(), "rolled back", func(ctx context.Context, _ pgx.Tx) error {
		postgres.Hint(ctx, "hints", "of what never was")
		return rolledBack
	})
	require.ErrorIs(t, err, rolledBack)
	postgres.Hint(t.Context(), "hints", "outside of a transaction")

	require.NoError(t, db.InTx(t.Context(), "committed", func(ctx context.Context, _ pgx.Tx) error {
		for range 3 {
			postgres.Hint(ctx, "hints", "one")
		}
		postgres.Hint(ctx, "hints", "two")
		require.Empty(t, got, "nothing is stored yet")
		return nil
	}))
	first, second := next(t, got, 5*time.Second), next(t, got, 5*time.Second)
	require.ElementsMatch(t, []string{"one", "two"}, []string{first.Payload, second.Payload})

	require.NoError(t, db.InTx(t.Context(), "the last", func(ctx context.Context, _ pgx.Tx) error {
		postgres.Hint(ctx, "hints", "last")
		return nil
	}))
	require.Equal(t, "last", next(t, got, 5*time.Second).Payload, "each was sent once")
}

// A transaction that runs again hints at what its last run has done.
func TestATransactionThatRunsAgainHintsOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	got := listenOn(t, db, "hints")
	require.Zero(t, next(t, got, 5*time.Second))
	try := 0
	require.NoError(t, db.InTx(t.Context(), "again", func(ctx context.Context, tx pgx.Tx) error {
		if try++; try == 1 {
			postgres.Hint(ctx, "hints", "first run")
			_, err := tx.Exec(ctx, `DO $$ BEGIN RAISE serialization_failure; END $$`)
			return err
		}
		postgres.Hint(ctx, "hints", "second run")
		return nil
	}))
	require.Equal(t, 2, try)
	require.Equal(t, "second run", next(t, got, 5*time.Second).Payload)
}

// What waits is bounded: a pool that has no connection for hints drops them, and those
// that come later get through.
func TestHintsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	got := listenOn(t, d.Open(t), "hints")
	require.Zero(t, next(t, got, 5*time.Second))
	// Its one connection is the transaction's until all hints have been added.
	db := d.Open(t, func(c *postgres.Config) { c.MaxConns = 1 })
	hint := func(payloads ...string) {
		require.NoError(t, db.InTx(t.Context(), "hint", func(ctx context.Context, _ pgx.Tx) error {
			for _, payload := range payloads {
				postgres.Hint(ctx, "hints", payload)
			}
			return nil
		}))
	}
	many := make([]string, 5000)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	hint(many...)
	for i := range 4096 {
		require.Equal(t, many[i], next(t, got, 5*time.Second).Payload)
	}
	hint("last")
	require.Equal(t, "last", next(t, got, 5*time.Second).Payload, "the others were dropped")
}
