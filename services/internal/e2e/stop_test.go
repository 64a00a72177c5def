package e2e

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// A worker that is told to stop while the exchange keeps it waiting gives its
// job back; the next worker's attempt is the first that counts.
func TestAStoppedWorkerGivesItsJobBackUncounted(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{})
	f.Scheduler()
	f.Aggregator()
	stopping := f.Worker()
	account := f.Active(0)
	f.Idle()
	hold, err := f.Sim.Hold(exchangesim.Hold{Endpoint: "/v5/account/wallet-balance"})
	require.NoError(t, err)
	run, _, err := f.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances})
	require.NoError(t, err)
	require.NoError(t, f.Sim.AwaitHeld(t.Context(), hold, 1))
	stopping.Stop()
	require.Equal(t, 1, f.Count(`
SELECT count(*) FROM alphapulse.sync_jobs WHERE run_id = $1 AND status = 'queued' AND attempt = 0 AND releases = 1`, run.ID))
	f.Sim.Release(hold)
	f.Worker()
	ended, jobs := f.AwaitRun(run.ID)
	require.Equal(t, syncjob.RunSucceeded, ended.Status)
	require.Equal(t, 1, jobs[syncjob.Balances].Attempt)
	require.Zero(t, f.Count(`SELECT count(*) FROM alphapulse.sync_attempts`))
}

// A process that freezes inside a transaction holds its row locks, and nobody can
// take its job back. The server ends such a transaction when a lease would have
// ended.
func TestAFrozenTransactionKeepsNoJobFromOthers(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{})
	f.Start()
	account := f.Active(0)
	f.Idle()
	hold, err := f.Sim.Hold(exchangesim.Hold{Endpoint: "/v5/account/wallet-balance"})
	require.NoError(t, err)
	run, _, err := f.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances})
	require.NoError(t, err)
	require.NoError(t, f.Sim.AwaitHeld(t.Context(), hold, 1))

	frozen := f.DB.Open(t, func(c *postgres.Config) { c.Name = "frozen" })
	locked, thawed := make(chan error, 1), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- frozen.InTx(t.Context(), "frozen", func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SELECT FROM alphapulse.sync_jobs WHERE run_id = $1 FOR UPDATE`, run.ID)
			locked <- err
			<-thawed
			_, err = tx.Exec(ctx, `UPDATE alphapulse.sync_jobs SET owner = 'frozen' WHERE run_id = $1`, run.ID)
			return err
		})
	}()
	require.NoError(t, <-locked)
	f.Sim.Release(hold)
	finished, jobs := f.AwaitRun(run.ID)
	require.Equal(t, syncjob.RunSucceeded, finished.Status)
	close(thawed)
	require.Error(t, <-ended, "its transaction was ended under its hands")
	require.NotEqual(t, "frozen", jobs[syncjob.Balances].Owner)
	require.Less(t, jobs[syncjob.Balances].FinishedAt.Sub(*jobs[syncjob.Balances].StartedAt), 3*ledger.DefaultSettings().Lease)
}

// A key that the exchange does not know, a host that does not answer and a
// fleet without workers are three different reasons.
func TestThreeReasonsWhyAProbeDoesNotPass(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{})
	f.Scheduler()
	f.Aggregator()
	worker := f.Worker()
	reason := func(name, key, secret, url string) string {
		account, run := f.AddAt(name, key, secret, url)
		f.AwaitRun(run.ID)
		pending, err := f.Ledger.Account(t.Context(), account.ID)
		require.NoError(t, err)
		require.EqualValues(t, "pending", pending.Status)
		return pending.Reason
	}
	key, secret, _ := exchangesim.Credentials(0, 0)
	require.Contains(t, reason("unknown key", "nobody", secret, f.Sim.URL), "environment")
	require.Contains(t, reason("wrong secret", key, secret+"x", f.Sim.URL), "sign")
	require.Contains(t, reason("no host", key, secret, "http://127.0.0.1:1"), "127.0.0.1:1")
	_, err := f.Sim.SetPermissions(f.Sim.UID(1), false, map[string][]string{"Wallet": {"Withdraw"}})
	require.NoError(t, err)
	writeKey, writeSecret, _ := exchangesim.Credentials(0, 1)
	require.Contains(t, reason("can withdraw", writeKey, writeSecret, f.Sim.URL), "--allow-write-key")
	worker.Stop()
	require.Contains(t, reason("no worker", key, secret, f.Sim.URL), "no worker")
}
