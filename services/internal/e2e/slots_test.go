package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/services/worker"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func setWorkers(t *testing.T, f *fleettest.Fleet, c ledger.WorkerChange) {
	t.Helper()
	c.Types, c.By = []syncjob.DataType{syncjob.Balances}, "tester"
	require.NoError(t, f.Ledger.SetWorkers(t.Context(), c))
}

// inForce waits until the one worker there is says that it does what was set.
func inForce(f *fleettest.Fleet, what string, ok func(ledger.WorkerState) bool) {
	f.T.Helper()
	f.Eventually(what, func() bool {
		states, err := f.Ledger.Workers(f.T.Context(), fleettest.Patience)
		require.NoError(f.T, err)
		for _, s := range states {
			if s.DataType == syncjob.Balances && ok(s) {
				return true
			}
		}
		return false
	})
}

// Slots and lanes change while a worker runs, and jobs in hand go on.
func TestSlotsAndLanesChangeWhileAWorkerRuns(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{Accounts: 5})
	f.Scheduler()
	f.Aggregator()
	f.WorkerWith(worker.Config{Slots: 1})
	var accounts []ledger.Account
	for i := range 5 {
		accounts = append(accounts, f.Active(i))
	}
	f.Idle()
	running := func() int {
		return f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE status = 'running' AND data_type = 'balances'`)
	}
	hold, err := f.Sim.Hold(exchangesim.Hold{Endpoint: "/v5/account/wallet-balance"})
	require.NoError(t, err)
	var runs []string
	for _, a := range accounts[:4] {
		run, _, err := f.Ledger.StartManual(t.Context(), a.ID, []syncjob.DataType{syncjob.Balances})
		require.NoError(t, err)
		runs = append(runs, run.ID)
	}
	require.NoError(t, f.Sim.AwaitHeld(t.Context(), hold, 1))
	require.Equal(t, 1, running(), "it has one slot")
	three, one, yes, no := 3, 1, true, false
	setWorkers(t, f, ledger.WorkerChange{Slots: &three})
	require.NoError(t, f.Sim.AwaitHeld(t.Context(), hold, 3))
	require.Equal(t, 3, running(), "and now three")

	setWorkers(t, f, ledger.WorkerChange{Slots: &one})
	inForce(f, "it has one slot again", func(s ledger.WorkerState) bool { return s.Slots == 1 })
	require.Equal(t, 3, running(), "what is in hand goes on")
	f.Sim.Release(hold)
	for _, id := range runs {
		run, _ := f.AwaitRun(id)
		require.Equal(t, syncjob.RunSucceeded, run.Status)
	}

	setWorkers(t, f, ledger.WorkerChange{Paused: &yes, Lanes: []syncjob.Lane{syncjob.Backfill}})
	inForce(f, "it takes no balances", func(s ledger.WorkerState) bool { return s.Paused })
	run, _, err := f.Ledger.StartManual(t.Context(), accounts[4].ID, []syncjob.DataType{syncjob.Balances, syncjob.Positions})
	require.NoError(t, err)
	f.Eventually("positions are read", func() bool { return jobOf(t, f, run.ID, syncjob.Positions).Status == syncjob.Succeeded })
	setWorkers(t, f, ledger.WorkerChange{Paused: &no})
	inForce(f, "it takes those of the other lane", func(s ledger.WorkerState) bool {
		return !s.Paused && len(s.Lanes) == 1
	})
	require.Equal(t, syncjob.Queued, jobOf(t, f, run.ID, syncjob.Balances).Status, "nobody took it")
	require.NoError(t, f.Ledger.ResetWorkers(t.Context(), []syncjob.DataType{syncjob.Balances}, ""))
	ended, _ := f.AwaitRun(run.ID)
	require.Equal(t, syncjob.RunSucceeded, ended.Status)
}
