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

// Jobs that nothing can read die with every attempt on record, are announced, and
// do their work once the exchange is mended and they are requeued.
func TestPoisonedJobsDieAndSucceedOnceTheyAreMendedAndRequeued(t *testing.T) {
	t.Parallel()
	today := time.Now().UTC().Truncate(day)
	from := today.Add(-30 * day)
	f := fleettest.New(t, fleettest.Still(exchangesim.Config{
		Epoch:   today.Add(-40 * day),
		History: exchangesim.History{Symbols: []string{"BTCUSDT"}, FillsPerDay: 5, From: from, Until: today},
	}))
	effects := pgtest.InstallEffectLog(t, f.DB.URL)
	f.Start()
	account := f.Active(0)
	f.Idle()
	fault(t, f, "endpoint=/v5/position/list,kind=status,value=500")
	fault(t, f, "endpoint=/v5/execution/list,kind=malformed")
	_, jobs := f.Sync(account.ID, syncjob.Positions)
	require.Equal(t, syncjob.Dead, jobs[syncjob.Positions].Status)
	backfill, err := f.Ledger.StartBackfill(t.Context(), ledger.BackfillRequest{
		AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}, Since: from, Until: from.Add(7 * day),
	})
	require.NoError(t, err)
	// A window has twelve attempts, minutes apart.
	_, err = f.Pool.Exec(t.Context(), `UPDATE alphapulse.sync_jobs SET max_attempts = 2 WHERE run_id = $1`, backfill.ID)
	require.NoError(t, err)
	f.AwaitRun(backfill.ID)

	letters, err := f.Ledger.DeadLetters(t.Context(), ledger.DeadFilter{})
	require.NoError(t, err)
	windows := f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE run_id = $1`, backfill.ID)
	require.Len(t, letters, 1+windows)
	var announced []string
	for _, d := range letters {
		attempts, err := f.Ledger.Attempts(t.Context(), d.JobID)
		require.NoError(t, err)
		require.Len(t, attempts, d.Attempts)
		for i, a := range attempts {
			require.Equal(t, i+1, a.Attempt)
			require.Equal(t, "transient", a.ErrorClass)
			require.NotEmpty(t, a.ErrorMessage)
		}
		announced = append(announced, d.JobID)
	}
	obituaries := f.Queue()
	f.Eventually("the stream agrees with the table", func() bool {
		told, _, err := obituaries.DeadJobs(t.Context())
		return err == nil && sameJobs(announced, told)
	})

	f.Sim.ClearFaults()
	_, runs, err := f.Ledger.RequeueDead(t.Context(), ledger.DeadRequest{Filter: ledger.DeadFilter{Limit: 100}, By: "test"})
	require.NoError(t, err)
	require.Len(t, runs, 1, "one run for the account")
	run, _ := f.AwaitRun(runs[0].ID)
	require.Equal(t, syncjob.RunSucceeded, run.Status, f.Unread(run.ID))
	require.Equal(t, 1+windows, run.Total)
	require.Equal(t, run.Total, f.Count(`
SELECT count(*) FROM alphapulse.sync_jobs n JOIN alphapulse.sync_jobs o ON o.id = n.replay_of
WHERE n.run_id = $1 AND o.status = 'dead' AND n."window" IS NOT DISTINCT FROM o."window" AND n.lane = o.lane`, run.ID))
	require.Positive(t, f.Count(`SELECT count(*) FROM alphapulse.fills WHERE account_id = $1 AND executed_at < $2`,
		account.ID, from.Add(7*day)))
	require.Empty(t, f.Drift(account))
	letters, err = f.Ledger.DeadLetters(t.Context(), ledger.DeadFilter{})
	require.NoError(t, err)
	require.Empty(t, letters)
	effects.CheckEffects(t)
}

// sameJobs compares two lists of jobs without their order.
func sameJobs(a, b []string) bool {
	seen := map[string]bool{}
	for _, id := range a {
		seen[id] = true
	}
	for _, id := range b {
		if !seen[id] {
			return false
		}
	}
	return len(a) == len(b)
}

// A stream that was lost after everything was announced is filled again.
func TestObituariesThatTheBrokerLostAreAnnouncedAgain(t *testing.T) {
	t.Parallel()
	f, account := ready(t, exchangesim.Config{})
	fault(t, f, "endpoint=/v5/position/list,kind=status,value=500")
	_, jobs := f.Sync(account.ID, syncjob.Positions)
	id := jobs[syncjob.Positions].ID
	q := f.Queue()
	told := func() bool {
		ids, _, err := q.DeadJobs(t.Context())
		return err == nil && sameJobs([]string{id}, ids)
	}
	f.Eventually("it is announced", func() bool {
		return told() && f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE id = $1 AND announced_at IS NOT NULL`, id) == 1
	})
	f.Broker.Wipe()
	f.Eventually("the streams are there again, and empty", func() bool {
		ids, _, err := q.DeadJobs(t.Context())
		return err == nil && len(ids) == 0
	})
	n, err := f.Ledger.AnnounceAgain(t.Context(), []string{id})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	f.Eventually("it is announced again", told)
}
