package fleettest

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/drift"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// Drift compares every stored row of an account and its market with the
// stand-in's truth at the row's scope's as_of, and lists what differs.
func (f *Fleet) Drift(account ledger.Account) []string {
	f.T.Helper()
	differences, err := drift.Snapshots(f.T.Context(), f.Pool, f.Sim, account)
	require.NoError(f.T, err)
	return differences
}

// RecordDrift compares the histories that are stored of an account with all that
// the stand-in knows of them within [from, to], and lists what differs.
func (f *Fleet) RecordDrift(account ledger.Account, from, to time.Time) []string {
	f.T.Helper()
	// A connection of its own: a year of rows takes longer than a pool allows.
	conn, err := pgx.Connect(f.T.Context(), f.DB.URL)
	require.NoError(f.T, err)
	defer conn.Close(context.WithoutCancel(f.T.Context())) //nolint:errcheck // it was only read from
	differences, compared, err := drift.Records(f.T.Context(), conn, f.Sim, account, from, to)
	require.NoError(f.T, err)
	f.T.Logf("%d rows of history were compared", compared)
	return differences
}

// Count reads one number.
func (f *Fleet) Count(query string, args ...any) int {
	f.T.Helper()
	var n int
	require.NoError(f.T, f.Pool.QueryRow(f.T.Context(), query, args...).Scan(&n))
	return n
}

// Texts reads the rows of a query of one text column.
func (f *Fleet) Texts(query string, args ...any) []string {
	f.T.Helper()
	found, err := f.Pool.Query(f.T.Context(), query, args...)
	require.NoError(f.T, err)
	list, err := pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(f.T, err)
	return list
}
