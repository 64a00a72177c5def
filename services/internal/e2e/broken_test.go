package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// An order with a status that nobody knows is stored with it; a row with a field
// of the wrong type or without an id is in quarantine; a category that is refused
// is named. Everything else is stored, and the jobs are partial.
func TestBadRowsAreSeenAndEverythingElseIsStored(t *testing.T) {
	t.Parallel()
	today := time.Now().UTC().Truncate(day)
	from := today.Add(-5 * day)
	f := fleettest.New(t, fleettest.Still(exchangesim.Config{
		Epoch:   today.Add(-10 * day),
		History: exchangesim.History{Symbols: []string{"BTCUSDT"}, FillsPerDay: 10, From: from, Until: today},
	}))
	for _, spec := range []string{
		"endpoint=/v5/order/history,query=category=linear,kind=unknown_status,value=1",
		"endpoint=/v5/execution/list,query=category=linear,kind=wrong_type,value=2",
		"endpoint=/v5/account/transaction-log,kind=keyless_row,value=3",
		"endpoint=/v5/position/closed-pnl,query=category=inverse,kind=retcode,value=10001",
	} {
		fault(t, f, spec)
	}
	f.Start()
	account := f.Active(0)
	f.Quiet()
	_, jobs := f.Sync(account.ID, syncjob.Orders, syncjob.Fills, syncjob.Ledger, syncjob.ClosedPnL)
	kept := func(dataType syncjob.DataType) int {
		return f.Count(`SELECT count(*) FROM alphapulse.quarantine WHERE account_id = $1 AND data_type = $2`, account.ID, string(dataType))
	}
	drift := func(kind string) (lines []string) {
		for _, d := range f.RecordDrift(account, from, today) {
			if len(d) > len(kind) && d[:len(kind)] == kind {
				lines = append(lines, d)
			}
		}
		return lines
	}

	require.Equal(t, syncjob.Succeeded, jobs[syncjob.Orders].Status, jobs[syncjob.Orders].ErrorMessage)
	require.Positive(t, f.Count(`
SELECT count(*) FROM alphapulse.orders WHERE account_id = $1 AND status = 'unknown' AND exchange_status NOT IN ('Filled', 'Cancelled')`, account.ID))
	require.Zero(t, kept(syncjob.Orders), "a word that nobody knows is a word")

	for dataType, table := range map[syncjob.DataType]string{syncjob.Fills: "fills", syncjob.Ledger: "ledger"} {
		require.Equal(t, syncjob.Partial, jobs[dataType].Status, dataType)
		require.Contains(t, jobs[dataType].ErrorMessage, "not understood")
		require.Positive(t, kept(dataType))
		require.Len(t, drift(table), kept(dataType), "%s: all but what is in quarantine is stored, exactly", table)
	}
	require.Equal(t, syncjob.Partial, jobs[syncjob.ClosedPnL].Status)
	require.Contains(t, jobs[syncjob.ClosedPnL].ErrorMessage, "inverse")
	require.Empty(t, drift("closed_pnl"))

	// The windows count as read, so that nothing brings the rows again by itself:
	// what is missing is found, and mended once the exchange speaks sense.
	f.Sim.ClearFaults()
	found := verified(t, f, account)
	require.NotEmpty(t, found.drift)
	repair, err := f.Ledger.StartRepair(t.Context(), account.ID, found.run)
	require.NoError(t, err)
	f.AwaitRun(repair.ID)
	require.Empty(t, verified(t, f, account).kinds())
	require.Empty(t, f.RecordDrift(account, from, today))
}
