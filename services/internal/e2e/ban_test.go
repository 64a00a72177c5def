package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/services/worker"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// One 403 stops every worker of the address, those that start later included,
// and nobody else's.
func TestABanStopsEveryWorkerOfTheAddress(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{})
	f.Scheduler()
	f.Aggregator()
	first := f.WorkerWith(worker.Config{Egress: "a"})
	account, neighbour := f.Active(0), f.Active(1)
	f.Quiet()
	fault(t, f, "endpoint=/v5/account/wallet-balance,kind=status,value=403,count=1")
	run, _, err := f.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances})
	require.NoError(t, err)
	f.Eventually("the ban is known", func() bool {
		bans, err := f.Ledger.Bans(t.Context())
		return err == nil && len(bans) == 1 && bans[0].Egress == "a"
	})
	first.Stop()
	f.Sim.ResetStats()
	second := f.WorkerWith(worker.Config{Egress: "a"})
	other, _, err := f.Ledger.StartManual(t.Context(), neighbour.ID, []syncjob.DataType{syncjob.Positions})
	require.NoError(t, err)
	f.Eventually("the banned worker has put the job off", func() bool {
		jobs, err := f.Ledger.Jobs(t.Context(), other.ID)
		return err == nil && jobs[0].ErrorClass == "banned"
	})
	require.Zero(t, f.Sim.Stats().Requests, "a banned address asks nothing")
	second.Stop()

	f.WorkerWith(worker.Config{Egress: "b"})
	_, err = f.Pool.Exec(t.Context(), `UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() WHERE status = 'waiting'`)
	require.NoError(t, err)
	for _, id := range []string{run.ID, other.ID} {
		ended, jobs := f.AwaitRun(id)
		require.Equal(t, syncjob.RunSucceeded, ended.Status, "%+v", jobs)
	}
}
