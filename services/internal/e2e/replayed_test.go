package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// replayed starts a replay and waits for its end.
func replayed(t *testing.T, f *fleettest.Fleet, filter ledger.ReplayFilter) ledger.Replay {
	t.Helper()
	r, err := f.Ledger.StartReplay(t.Context(), ledger.ReplayRequest{Filter: filter, By: "test", Rate: 1000})
	require.NoError(t, err)
	f.Eventually("the replay has ended", func() bool {
		r, err = f.Ledger.Replay(t.Context(), r.ID)
		return err == nil && !r.Status.Open()
	})
	progress, err := f.Ledger.ReplayProgress(t.Context(), r.ID)
	require.NoError(t, err)
	require.Equal(t, ledger.ReplayFinished, r.Status)
	require.Len(t, progress.Runs, 1, "one run for the account")
	require.Equal(t, syncjob.RunSucceeded, progress.Runs[0].Status, f.Unread(progress.Runs[0].ID))
	return r
}

// Rows that were deleted by SQL come back with a replay of the jobs that had
// stored them, equal to the truth; the same replay again writes no data row.
func TestAReplayBringsDeletedRowsBackAndWritesNothingTheSecondTime(t *testing.T) {
	t.Parallel()
	today := time.Now().UTC().Truncate(day)
	from := today.Add(-6 * day)
	f := fleettest.New(t, fleettest.Still(exchangesim.Config{
		Epoch: today.Add(-40 * day), Rows: exchangesim.Rows{Assets: 6, Positions: 6, OpenOrders: 6},
		History: exchangesim.History{Symbols: []string{"BTCUSDT"}, FillsPerDay: 10, From: from, Until: today},
	}))
	pgtest.InstallEffectLog(t, f.DB.URL)
	f.Start()
	account := f.Active(0)
	f.Idle()
	for range 3 {
		run, _ := f.Sync(account.ID, syncjob.Balances, syncjob.Positions, syncjob.Orders, syncjob.Fills)
		require.Equal(t, syncjob.RunSucceeded, run.Status, f.Unread(run.ID))
	}
	since := time.Now().Add(-day)
	marks := `SELECT watermark::text FROM alphapulse.sync_state WHERE subject_id = $1 AND watermark IS NOT NULL ORDER BY data_type`
	for dataType, rows := range map[syncjob.DataType]string{
		syncjob.Balances: "alphapulse.balances", syncjob.Positions: "alphapulse.positions",
		syncjob.Orders: "alphapulse.orders", syncjob.Fills: "alphapulse.fills",
	} {
		counted := `SELECT count(*) FROM ` + rows + ` WHERE account_id = $1`
		before, watermarks := f.Count(counted, account.ID), f.Texts(marks, account.ID)
		require.Positive(t, before, dataType)
		_, err := f.Pool.Exec(t.Context(), `DELETE FROM `+rows+` WHERE account_id = $1`, account.ID)
		require.NoError(t, err)
		filter := ledger.ReplayFilter{
			Since: since, AccountID: account.ID, Account: account.Name, Types: []syncjob.DataType{dataType},
		}
		first := replayed(t, f, filter)
		require.GreaterOrEqual(t, first.FromStream, int64(3))
		require.Zero(t, first.Refused)
		require.Equal(t, before, f.Count(counted, account.ID), "%s: the rows are back", dataType)
		if dataType == syncjob.Fills || dataType == syncjob.Orders {
			require.Equal(t, first.Found(), first.Replayed, "%s: each window is read again", dataType)
		} else {
			require.EqualValues(t, 1, first.Replayed, "%s: what is now is read once", dataType)
		}
		if dataType != syncjob.Orders { // what is open is read by a live job, as any sync of orders
			require.Equal(t, watermarks, f.Texts(marks, account.ID), "%s: a window moves no watermark", dataType)
		}
		effects := f.Count(`SELECT count(*) FROM effects.effect_log`)
		second := replayed(t, f, filter)
		require.Equal(t, first.Found(), second.Found(), "the same jobs")
		require.Equal(t, effects, f.Count(`SELECT count(*) FROM effects.effect_log`), "%s: no data row is written", dataType)
	}
	require.Empty(t, f.Drift(account))
	require.Empty(t, verified(t, f, account).kinds())
}

// The scheduler is killed again and again in the middle of a replay of 5,000 jobs:
// each is replayed once.
func TestKillingTheSchedulerInAReplayReplaysEachJobOnce(t *testing.T) {
	t.Parallel()
	const accounts, each = 5, 1000
	f := fleettest.New(t, exchangesim.Config{Accounts: accounts})
	f.Aggregator()
	for index := range accounts {
		f.Add(index)
	}
	f.Quiet()
	for _, statement := range []string{
		`DELETE FROM alphapulse.sync_runs`,
		`UPDATE alphapulse.accounts SET status = 'active', key_version = 1`,
		`INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, status, jobs_total, started_at, finished_at, announced_at)
		 SELECT id, '{fills}', 'backfill', 'succeeded', 1, now(), now(), now() FROM alphapulse.accounts`,
	} {
		_, err := f.Pool.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	_, err := f.Pool.Exec(t.Context(), `
INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, "window", status, max_attempts,
                                  started_at, finished_at, announced_at)
SELECT r.id, r.account_id, 'fills', 'backfill', 'backfill', 'bybit-testnet-fills-backfill',
       tstzrange(now() - i * interval '1 h', now() - (i - 1) * interval '1 h'), 'succeeded', 12, now(), now(), now()
FROM alphapulse.sync_runs r, generate_series(1, $1::integer) i`, each)
	require.NoError(t, err)
	scheduler := f.Processes(f.Broker.URL())("scheduler", "scheduler")
	r, err := f.Ledger.StartReplay(t.Context(), ledger.ReplayRequest{
		Filter: ledger.ReplayFilter{Since: time.Now().Add(-time.Hour)}, By: "test", Rate: 1000,
	})
	require.NoError(t, err)
	made := func() int {
		return f.Count(`SELECT count(*) FROM alphapulse.replay_jobs WHERE replay_id = $1 AND state = 'replayed'`, r.ID)
	}
	kills := 0
	for _, after := range []int{1, accounts * each / 5, accounts * each / 2, accounts * each * 4 / 5} {
		f.Eventually("the middle of the replay", func() bool { return made() >= after })
		if made() < accounts*each {
			kills++
		}
		scheduler.KillAndRestart()
	}
	require.Positive(t, kills, "the kills came too late to show anything")
	f.Eventually("every job has its new one", func() bool { return made() == accounts*each })
	require.Zero(t, f.Count(`
SELECT count(*) FROM (SELECT replay_of FROM alphapulse.sync_jobs WHERE trigger = 'replay' GROUP BY replay_of HAVING count(*) > 1) twice`))
	require.Equal(t, accounts*each, f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'replay'`))
	require.Equal(t, accounts*each, f.Count(`
SELECT count(*) FROM alphapulse.replay_jobs p JOIN alphapulse.sync_jobs n ON n.id = p.new_job_id AND n.replay_of = p.job_id
JOIN alphapulse.sync_jobs o ON o.id = p.job_id AND o."window" = n."window" WHERE p.replay_id = $1`, r.ID))
	require.Equal(t, accounts, f.Count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'replay'`))
	// Nobody reads them here: what ends them is not what is shown.
	_, err = f.Pool.Exec(t.Context(), `
UPDATE alphapulse.sync_jobs SET status = 'succeeded', next_at = NULL, finished_at = clock_timestamp() WHERE finished_at IS NULL`)
	require.NoError(t, err)
	f.Eventually("the replay has ended", func() bool {
		r, err = f.Ledger.Replay(t.Context(), r.ID)
		return err == nil && r.Status == ledger.ReplayFinished
	})
	require.EqualValues(t, accounts*each, r.Replayed)
}
