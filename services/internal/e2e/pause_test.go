package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// often schedules every snapshot of every account once a second.
func often(t *testing.T, f *fleettest.Fleet) {
	t.Helper()
	_, err := f.Pool.Exec(t.Context(), `
UPDATE alphapulse.schedules SET enabled = true, every = interval '1 second', next_at = clock_timestamp()
WHERE data_type IN ('balances', 'positions', 'orders', 'prices')`)
	require.NoError(t, err)
}

// successes counts the scheduled jobs of a type and subject that were claimed after
// a pause began and have succeeded.
func successes(f *fleettest.Fleet, subjectID string, dataType syncjob.DataType, after time.Time) int {
	f.T.Helper()
	return f.Count(`SELECT count(*) FROM alphapulse.sync_jobs
WHERE subject_id = $1 AND data_type = $2 AND status = 'succeeded' AND claimed_at > $3`, subjectID, string(dataType), after)
}

func pause(t *testing.T, f *fleettest.Fleet, scope ledger.PauseScope, change ...func(*ledger.NewPause)) ledger.Pause {
	t.Helper()
	n := ledger.NewPause{Scope: scope, Reason: "a test", By: "tester"}
	for _, c := range change {
		c(&n)
	}
	made, err := f.Ledger.Pause(t.Context(), n)
	require.NoError(t, err)
	return made[0]
}

// elsewhere adds an account of another environment, which is another market.
func elsewhere(t *testing.T, f *fleettest.Fleet, index int) ledger.Account {
	t.Helper()
	key, secret, _ := exchangesim.Credentials(0, index)
	account, _, err := f.Ledger.AddAccount(t.Context(), ledger.NewAccount{
		Name: "elsewhere", Market: ledger.Market{Exchange: "bybit", Environment: "demo", BaseURL: f.Sim.URL},
		Seal: f.Seal(key, secret),
	})
	require.NoError(t, err)
	return f.AwaitActive(account.ID)
}

// Pausing one exchange's orders stops only those; everything else keeps its
// freshness, and when they are resumed they are as fresh as the rest.
func TestPausingOneExchangesOrdersStopsOnlyThose(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	other := elsewhere(t, f, 1)
	often(t, f)
	f.Eventually("orders are read", func() bool { return successes(f, account.ID, syncjob.Orders, time.Time{}) > 1 })
	p := pause(t, f, ledger.PauseScope{
		Exchange: "bybit", Environment: "testnet", Types: []syncjob.DataType{syncjob.Orders},
	})
	skipped := f.Count(`SELECT skipped FROM alphapulse.schedules WHERE subject_id = $1 AND data_type = 'orders'`, account.ID)
	f.Eventually("everything else is read again and again", func() bool {
		return successes(f, account.ID, syncjob.Balances, p.From) > 2 && successes(f, account.ID, syncjob.Positions, p.From) > 2 &&
			successes(f, account.MarketID, syncjob.Prices, p.From) > 2 && successes(f, other.ID, syncjob.Orders, p.From) > 2
	})
	f.Eventually("its slots are counted", func() bool {
		return f.Count(`SELECT skipped FROM alphapulse.schedules WHERE subject_id = $1 AND data_type = 'orders'`, account.ID) > skipped+1
	})
	require.LessOrEqual(t, successes(f, account.ID, syncjob.Orders, p.From), 1, "one may have been claimed at that very instant")
	fresh, err := f.Ledger.Freshness(t.Context(), account.Name)
	require.NoError(t, err)
	for _, d := range fresh {
		switch syncjob.DataType(d.DataType) {
		case syncjob.Balances, syncjob.Positions, syncjob.Prices:
			require.False(t, d.Stale, d.DataType)
			require.True(t, d.LastSuccessAt.After(p.From), d.DataType)
		}
	}

	before := time.Now()
	_, err = f.Ledger.Resume(t.Context(), ledger.PauseFilter{ID: p.ID}, "tester")
	require.NoError(t, err)
	f.Eventually("orders are read again", func() bool { return successes(f, account.ID, syncjob.Orders, before) > 1 })
	f.Idle()
}

// stopped gives a fleet without a worker, in which a manual run of balances and
// orders is published.
func stopped(t *testing.T) (*fleettest.Fleet, ledger.Run) {
	t.Helper()
	f := fleettest.New(t, exchangesim.Config{})
	f.Scheduler()
	f.Aggregator()
	w := f.Worker()
	account := f.Active(0)
	f.Idle()
	w.Stop()
	run, _, err := f.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances, syncjob.Orders})
	require.NoError(t, err)
	f.Eventually("both jobs are in the stream", func() bool {
		return f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE run_id = $1 AND stream_seq IS NOT NULL`, run.ID) == 2
	})
	return f, run
}

func jobOf(t *testing.T, f *fleettest.Fleet, runID string, dataType syncjob.DataType) ledger.Job {
	t.Helper()
	jobs, err := f.Ledger.Jobs(t.Context(), runID)
	require.NoError(t, err)
	for _, j := range jobs {
		if j.DataType == dataType {
			return j
		}
	}
	require.Fail(t, "no such job")
	return ledger.Job{}
}

func TestJobsInLineWaitForTheEndOfAPause(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *fleettest.Fleet, ledger.Pause){
		"resumed": func(t *testing.T, f *fleettest.Fleet, p ledger.Pause) {
			t.Helper()
			_, err := f.Ledger.Resume(t.Context(), ledger.PauseFilter{ID: p.ID}, "tester")
			require.NoError(t, err)
		},
		"it passes by itself": func(t *testing.T, f *fleettest.Fleet, p ledger.Pause) {
			t.Helper()
			_, err := f.Pool.Exec(t.Context(), `
UPDATE alphapulse.pauses SET until = clock_timestamp() + interval '1 second' WHERE id = $1`, p.ID)
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, run := stopped(t)
			p := pause(t, f, ledger.PauseScope{Types: []syncjob.DataType{syncjob.Orders}})
			f.Worker()
			f.Eventually("balances are read and orders wait", func() bool {
				return jobOf(t, f, run.ID, syncjob.Balances).Status == syncjob.Succeeded &&
					jobOf(t, f, run.ID, syncjob.Orders).WaitReason == string(syncjob.WaitPaused)
			})
			require.Zero(t, jobOf(t, f, run.ID, syncjob.Orders).Attempt, "no attempt is counted")
			end(t, f, p)
			ended, jobs := f.AwaitRun(run.ID)
			require.Equal(t, syncjob.RunSucceeded, ended.Status)
			require.Equal(t, 1, jobs[syncjob.Orders].Attempt)
			require.Equal(t, 1, f.Count(`SELECT count(*) FROM alphapulse.sync_jobs
WHERE run_id = $1 AND data_type = 'orders' AND publishes = 2`, run.ID), "published once more, at the end")
		})
	}
}

// A pause that begins later is a maintenance window: nothing is planned in it,
// and everything goes on after it.
func TestAMaintenanceWindowBeginsAndEndsByItself(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	often(t, f)
	window := pause(t, f, ledger.PauseScope{Exchange: "bybit"}, func(n *ledger.NewPause) {
		var from time.Time
		require.NoError(t, f.Pool.QueryRow(t.Context(), `SELECT clock_timestamp() + interval '4 seconds'`).Scan(&from))
		n.From, n.For = &from, 6*time.Second
	})
	require.False(t, window.InForce)
	planned := func(from, until time.Time) int {
		return f.Count(`SELECT count(*) FROM alphapulse.sync_jobs
WHERE subject_id = $1 AND trigger = 'schedule' AND queued_at > $2 AND queued_at < $3`, account.ID, from, until)
	}
	f.Eventually("it is over and jobs are planned again", func() bool {
		return planned(*window.Until, window.Until.Add(time.Hour)) > 2
	})
	// A transaction of the planner may have begun just before the window did.
	require.Zero(t, planned(window.From.Add(3*time.Second), *window.Until))
	f.Idle()
}
