package e2e

import (
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// A thousand new accounts, every process of the fleet killed in the middle of
// their first runs, the broker included: every run ends, and each job that
// succeeded did so in exactly one transaction.
func TestKillingEveryProcessLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	const accounts = 1000
	f := fleettest.New(t, exchangesim.Config{
		Accounts: accounts, Rows: exchangesim.Rows{Assets: 3, Positions: 1, OpenOrders: 1, ClosedPerDay: 1},
	})
	effects := pgtest.InstallEffectLog(t, f.DB.URL)
	fleettest.WithoutHistories(t, f.Pool)
	address := queuetest.FreeAddress(t)
	broker := fleettest.Start(t, "broker", []string{brokerListen + "=" + address, brokerDir + "=" + t.TempDir()}, os.Args[0])
	start := f.Processes("nats://" + address)
	scheduler := start("scheduler", "scheduler", "--budget", "0")
	aggregator := start("aggregator", "aggregator")
	var workers []*fleettest.Process
	for _, dataType := range syncjob.Requestable() {
		workers = append(workers, start("worker-"+string(dataType),
			"worker", "--types", string(dataType), "--requests-per-second", "100000", "--slots", "16"))
	}
	var adding sync.WaitGroup
	adding.Go(func() { addAll(f, accounts) })

	killWorkers := func() {
		for _, w := range workers {
			w.KillAndRestart()
		}
	}
	// Probe and first run make five jobs an account: each kill comes while most
	// of them are still to be done.
	for i, kill := range []func(){
		killWorkers, aggregator.KillAndRestart, scheduler.KillAndRestart, broker.KillAndRestart,
		func() {
			killWorkers()
			aggregator.KillAndRestart()
			scheduler.KillAndRestart()
			broker.KillAndRestart()
		},
	} {
		f.Eventually("jobs have ended", func() bool {
			return f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE finished_at IS NOT NULL`) >= (i+1)*600
		})
		kill()
	}
	adding.Wait()
	f.Quiet()
	f.Eventually("every run has ended", func() bool {
		return f.Count(`SELECT count(*) FROM alphapulse.sync_runs WHERE status = 'running'`) == 0
	})
	active := f.Count(`SELECT count(*) FROM alphapulse.accounts WHERE status = 'active'`)
	require.Greater(t, active, accounts*9/10, "a probe that met a crash may have expired, no more")
	effects.CheckEffects(t)
	writes, _, err := effects.Effects(t.Context())
	require.NoError(t, err)
	require.Greater(t, writes, accounts)
	good := f.Count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'initial' AND status = 'succeeded'`)
	prices := f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE data_type = 'prices' AND status = 'succeeded'`)
	t.Logf("%d of %d first runs succeeded; %d reads of the prices", good, accounts, prices)
	require.Greater(t, good, active*9/10)
	require.Less(t, prices, accounts/2)
}

func addAll(f *fleettest.Fleet, accounts int) {
	next := make(chan int)
	var adding sync.WaitGroup
	for range 6 {
		adding.Go(func() {
			for index := range next {
				f.Add(index)
			}
		})
	}
	for index := range accounts {
		next <- index
	}
	close(next)
	adding.Wait()
}

// A worker that is stopped past its lease and then goes on finds its job done by
// another, and writes nothing over it.
func TestAWorkerThatWasStoppedPastItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, fleettest.Still(exchangesim.Config{}))
	effects := pgtest.InstallEffectLog(t, f.DB.URL)
	f.Scheduler()
	f.Aggregator()
	start := f.Processes(f.Broker.URL())
	stopped := start("stopped worker", "worker", "--requests-per-second", "1000")
	account := f.Active(0)
	f.Idle()
	_, err := f.Sim.OpenPosition(account.ExchangeUID, exchangesim.PositionSpec{
		Category: "linear", Symbol: "ETHUSDT", Side: "Buy", Size: "3",
	})
	require.NoError(t, err)
	hold, err := f.Sim.Hold(exchangesim.Hold{
		Endpoint: "/v5/position/list", Query: "settleCoin=USDT", Stage: exchangesim.StageResponse,
	})
	require.NoError(t, err)
	run, _, err := f.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Positions})
	require.NoError(t, err)
	require.NoError(t, f.Sim.AwaitHeld(t.Context(), hold, 1))
	stopped.Signal(syscall.SIGSTOP)
	_, err = f.Sim.ClosePosition(account.ExchangeUID, "linear", "ETHUSDT", 0)
	require.NoError(t, err)
	f.Sim.Release(hold) // the stopped worker's answer, with the open position, is in its socket

	f.Worker()
	ended, jobs := f.AwaitRun(run.ID)
	require.Equal(t, syncjob.RunSucceeded, ended.Status, "%+v", jobs)
	require.Equal(t, 2, jobs[syncjob.Positions].Attempt)
	eth := `SELECT count(*) FROM alphapulse.positions WHERE account_id = $1 AND symbol = 'ETHUSDT' AND category = 'linear'`
	require.Zero(t, f.Count(eth, account.ID))

	stopped.Signal(syscall.SIGCONT)
	stopped.AwaitOutput("claim")
	// How it learns depends on what wakes up first: the lease, which is over by its own
	// clock, the commit, which finds another claim, or a connection that the server has
	// closed meanwhile, after which no time is left to try again.
	f.Eventually("the stopped worker has given the job up", func() bool {
		return containsAny(stopped.Output(), "the claim is lost", "another claim has the job", `"ended_by"`,
			"the outcome could not be committed; the lease ends")
	})
	require.Zero(t, f.Count(eth, account.ID))
	require.Empty(t, f.Drift(account))
	effects.CheckEffects(t)
}
