package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// recordings gives some files of the stand-in's own folder.
func recordings(t *testing.T, names ...string) fstest.MapFS {
	t.Helper()
	folder := fstest.MapFS{}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join("../../exchangesim/testdata/replay", name))
		require.NoError(t, err)
		folder[name] = &fstest.MapFile{Data: content}
	}
	return folder
}

// TestRecordedPayloadsAreWalkedThroughTheWholeFleet: from a folder to the
// tables, digit for digit, with what the recordings do wrong named by its scope.
func TestRecordedPayloadsAreWalkedThroughTheWholeFleet(t *testing.T) {
	t.Parallel()
	const page = "v5-position-list.category=linear.settleCoin=USDT."
	f, account := ready(t, exchangesim.Config{Replay: recordings(t,
		"v5-account-wallet-balance.accountType=UNIFIED.json", page+"p1.json", page+"p2.json", page+"p3.json",
		"v5-order-history.category=linear.json")})
	_, jobs := f.Sync(account.ID)
	require.Equal(t, syncjob.Succeeded, jobs[syncjob.Balances].Status, jobs[syncjob.Balances].ErrorMessage)
	require.Equal(t, syncjob.Succeeded, jobs[syncjob.Positions].Status, jobs[syncjob.Positions].ErrorMessage)
	require.Equal(t, syncjob.Partial, jobs[syncjob.Orders].Status, "the recorded walk is stuck")

	rows, err := f.Pool.Query(t.Context(), `
SELECT asset || ' ' || total FROM alphapulse.balances WHERE account_id = $1 AND wallet = 'unified' ORDER BY 1`, account.ID)
	require.NoError(t, err)
	balances, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"BTC 0.1650243412345678", "ETH 0", "SHIB1000X 0.0000000001", "USDT 11450.00000000"}, balances)
	rows, err = f.Pool.Query(t.Context(), `
SELECT symbol || ' ' || size FROM alphapulse.positions
WHERE account_id = $1 AND category = 'linear' AND settle_asset = 'USDT' ORDER BY 1`, account.ID)
	require.NoError(t, err)
	positions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"BTCUSDT 0.5", "ETHUSDT 0.5", "SOLUSDT 0.5"}, positions)
	for _, r := range f.Sim.Recordings() {
		require.Positive(t, r.Served, r.File)
	}
}
