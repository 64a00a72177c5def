package e2e

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Fifty callers at once, and the same again while the first run's answers are
// on their way: at most two runs at a time, and no caller gets data that is
// older than his call.
func TestFiftySimultaneousSyncsShareRunsAndGetNoOldData(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	fault(t, f, "endpoint=/v5/account/wallet-balance,kind=latency,value=5s")
	type call struct {
		at  time.Time
		run ledger.Run
	}
	var mu sync.Mutex
	var calls []call
	wave := func() {
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				var at time.Time
				if err := f.Pool.QueryRow(t.Context(), `SELECT clock_timestamp()`).Scan(&at); err != nil {
					t.Error(err)
					return
				}
				run, _, err := f.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, call{at, run})
			})
		}
		callers.Wait()
		require.LessOrEqual(t, f.Count(`
SELECT count(*) FROM alphapulse.sync_runs WHERE status = 'running' AND trigger = 'manual'`), 2)
	}
	hold, err := f.Sim.Hold(exchangesim.Hold{Endpoint: "/v5/account/wallet-balance"})
	require.NoError(t, err)
	wave()
	require.NoError(t, f.Sim.AwaitHeld(t.Context(), hold, 1)) // a job of the first run is at the exchange
	wave()
	f.Sim.Release(hold)
	runs := map[string]bool{}
	for _, c := range calls {
		runs[c.run.ID] = true
		run, jobs := f.AwaitRun(c.run.ID)
		require.Equal(t, syncjob.RunSucceeded, run.Status)
		asOf := jobs[syncjob.Balances].AsOf
		require.NotNil(t, asOf)
		require.False(t, asOf.Before(c.at), "called at %s, got data of %s", c.at, asOf)
	}
	require.LessOrEqual(t, len(runs), 3)
}
