package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ages writes histories of five rows each that ended 10, 20, … 50 days ago, and
// an open one that began 90 days ago.
func (b bundle) ages(account Account) {
	b.t.Helper()
	const spans = `
FROM (SELECT n, clock_timestamp() - (n * 10 + 5) * interval '1 day' AS began,
             clock_timestamp() - n * interval '10 days' AS ended FROM generate_series(1, 5) n
      UNION ALL SELECT 0, clock_timestamp() - interval '90 days', NULL) v`
	b.exec(`INSERT INTO alphapulse.balances_history (account_id, wallet, asset, run_id, valid_from, valid_to)
SELECT $1, 'unified', 'A' || n, $1, began, ended `+spans, account.ID)
	b.exec(`INSERT INTO alphapulse.positions_history
    (account_id, category, symbol, position_idx, side, scope, run_id, valid_from, valid_to)
SELECT $1, 'linear', 'S' || n, 0, 'long', 'linear:USDT', $1, began, ended `+spans, account.ID)
	b.exec(`INSERT INTO alphapulse.orders_history
    (account_id, category, order_id, symbol, side, status, run_id, valid_from, valid_to)
SELECT $1, 'linear', n, 'S', 'buy', 'open', $1, began, ended `+spans, account.ID)
	b.exec(`INSERT INTO alphapulse.prices_history (market_id, category, symbol, scope, run_id, valid_from, valid_to)
SELECT $1, 'spot', 'S' || n, 'spot', $1, began, ended `+spans, account.MarketID)
}

func TestHistoryIsKeptForEverUnlessTheTableSaysOtherwise(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.ages(account)
	b.exec(`UPDATE alphapulse.accounts SET created_at = created_at - interval '1 year'`)
	left := func(table string) int {
		return b.count(`SELECT count(*) FROM alphapulse.` + table + `_history`)
	}
	prune := func(limit int) int {
		pruned, err := b.PruneHistory(t.Context(), limit)
		require.NoError(t, err)
		return pruned
	}
	require.Equal(t, 3, prune(100), "prices of 30 days and more")
	require.Zero(t, prune(100))
	for table, rows := range map[string]int{"balances": 6, "positions": 6, "orders": 6, "prices": 3} {
		require.Equal(t, rows, left(table), table)
	}

	b.exec(`UPDATE alphapulse.history_retention SET keep = interval '25 days' WHERE table_name = 'balances_history'`)
	b.exec(`UPDATE alphapulse.history_retention SET keep = interval '1 day' WHERE table_name = 'positions_history'`)
	b.exec(`DELETE FROM alphapulse.history_retention WHERE table_name = 'orders_history'`)
	require.Equal(t, 2, prune(2), "the oldest first, in batches")
	require.Equal(t, 4, left("balances"))
	require.Equal(t, 2, prune(2))
	require.Equal(t, 1, prune(2))
	for table, rows := range map[string]int{"balances": 3, "positions": 1, "orders": 6} {
		require.Equal(t, rows, left(table), table)
	}
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.positions_history WHERE valid_to IS NULL`), "open rows stay")
}

// What is gone must not look like nothing.
func TestAnInstantWhoseRowsWerePrunedIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.ages(account)
	const at = `SELECT count(*) FROM alphapulse.balances_at('main', clock_timestamp() - $1::interval)`
	days := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	require.Equal(t, 2, b.count(at, days(42)))
	b.exec(`UPDATE alphapulse.history_retention SET keep = interval '25 days' WHERE table_name = 'balances_history'`)
	_, err := b.PruneHistory(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, 2, b.count(at, days(22)), "the open row and the one that ended 20 days ago")
	require.Equal(t, 1, b.count(at, days(29)), "nothing that held then is gone")
	var n int
	err = b.db.QueryRow(t.Context(), at, days(42)).Scan(&n)
	require.ErrorContains(t, err, "was pruned")
	b.exec(`UPDATE alphapulse.history_retention SET keep = NULL`)
	require.ErrorContains(t, b.db.QueryRow(t.Context(), at, days(42)).Scan(&n), "was pruned", "gone stays gone")
}

// The sweep looks at the oldest end of each history, however long it is.
func TestPruningAHistoryDoesNotReadItWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b = b.single()
	b.exec(`INSERT INTO alphapulse.balances_history (account_id, wallet, asset, run_id, valid_from, valid_to)
SELECT $1, 'unified', 'A' || n, $1, clock_timestamp() - n * interval '1 second', clock_timestamp()
FROM generate_series(1, 20000) n`, account.ID)
	b.exec(`UPDATE alphapulse.history_retention SET keep = interval '1 day'`)
	b.exec(`ANALYZE`)
	for range 7 { // from the sixth on, a prepared statement may use a plan for all values
		before := b.scans()
		pruned, err := b.PruneHistory(t.Context(), 100)
		require.NoError(t, err)
		require.Zero(t, pruned)
		after := b.scans()
		require.Equal(t, before["balances_history"], after["balances_history"])
		require.Greater(t, after["balances_history_ended"], before["balances_history_ended"])
		b.exec(`UPDATE alphapulse.balances_history SET valid_from = '2000-01-01Z', valid_to = '2000-01-02Z'
WHERE asset IN (SELECT asset FROM alphapulse.balances_history WHERE valid_to > '2001-01-01Z' LIMIT 100)`)
		before = b.scans()
		pruned, err = b.PruneHistory(t.Context(), 100)
		require.NoError(t, err)
		require.Equal(t, 100, pruned)
		require.Equal(t, before["balances_history"], b.scans()["balances_history"])
	}
}
