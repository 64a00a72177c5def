package budget

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// A session that made its plans while there was no account yet looks up each account
// by its key when there are thousands, before any ANALYZE tells it so.
func TestALeaseReadsTheAccountsItIsOfHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.ByIndex, c.MaxConns = true, 1 })
	fleet, err := New(db, Config{Egress: "office", RequestsPerSecond: 10000, Log: queuetest.Discard()})
	require.NoError(t, err)
	running(t, fleet)
	require.NoError(t, fleet.Take(t.Context(), use("first")))
	_, err = db.Exec(t.Context(), `INSERT INTO alphapulse.account_budgets (venue, uid, endpoint)
SELECT 'venue', n::text, '/orders' FROM generate_series(1, 3000) n`)
	require.NoError(t, err)
	before := budgetsRead(t, db)
	require.NoError(t, fleet.Take(t.Context(), use("17")))
	require.Less(t, budgetsRead(t, db)-before, 100, "rows of account_budgets that a lease of one account has read")
}

// budgetsRead is how many rows of account_budgets the only session of db has read.
func budgetsRead(t *testing.T, db *postgres.DB) int {
	t.Helper()
	_, err := db.Exec(t.Context(), `SELECT pg_stat_force_next_flush()`)
	require.NoError(t, err)
	return one[int](t, db, `SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'account_budgets'`)
}
