package ledger

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestRule11ALostJobIsDueAtOnceAndTheAttemptRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job, held := b.running(account)
	taken, err := b.TakeBackLost(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, taken, "its lease runs")

	b.expireLease(job.JobID)
	sweeps := concurrently(t, 4, func(int) (int, error) { return b.TakeBackLost(t.Context(), 10) })
	require.Equal(t, 1, tally(sweeps)[1], "%v", sweeps)
	got := b.row(job.JobID)
	require.Equal(t, syncjob.Waiting, got.Status)
	require.Equal(t, "lost", got.WaitReason)
	require.Equal(t, "lost", got.ErrorClass)
	require.Equal(t, 1, got.Attempt, "counted")
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_attempts
WHERE claim = $1 AND error_class = 'lost' AND started_at IS NOT NULL`, held.Claim))
	require.Contains(t, b.publish(), job.JobID)
}

func TestRule11ALostWindowComesBackOutOfStep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.backfill(b.active("main"), 0, 7, syncjob.Fills)
	id := b.jobOf(run.ID, syncjob.Fills)
	due := map[time.Duration]bool{}
	for range 3 {
		b.claim(id)
		b.expireLease(id)
		_, err := b.TakeBackLost(t.Context(), 10)
		require.NoError(t, err)
		var wait time.Duration
		require.NoError(t, b.db.QueryRow(t.Context(), `
SELECT next_at - (SELECT max(ended_at) FROM alphapulse.sync_attempts a WHERE a.job_id = j.id)
FROM alphapulse.sync_jobs j WHERE j.id = $1`, id).Scan(&wait))
		due[wait] = true
		b.exec(`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() WHERE id = $1`, id)
		b.publish()
	}
	require.Len(t, due, 3, "each pause is random")
	longest := slices.Max(slices.Collect(maps.Keys(due)))
	require.Less(t, longest, 8*time.Second)
	require.Greater(t, longest, 50*time.Millisecond, "three pauses of up to 2, 4 and 8 seconds")
}

func TestRule22LostAttemptsRunOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	scheduled := b.planned(account, syncjob.Balances)
	manual := b.jobOf(b.manual(account, syncjob.Orders).ID, syncjob.Orders)
	stored := b.planned(account, syncjob.Positions)
	for id, want := range map[string]syncjob.Status{
		scheduled: syncjob.Failed, manual: syncjob.Dead, stored: syncjob.Partial,
	} {
		b.claim(id)
		b.exec(`UPDATE alphapulse.sync_jobs SET attempt = max_attempts,
as_of = CASE WHEN $2 THEN clock_timestamp() END WHERE id = $1`, id, id == stored)
		b.expireLease(id)
		_, err := b.TakeBackLost(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, want, b.row(id).Status)
	}
}

func TestRule11AnnouncementsAreRepeatedUntilConfirmed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.exec(`UPDATE alphapulse.sync_runs SET announced_at = clock_timestamp()`)
	run := b.manual(account, syncjob.Balances, syncjob.Orders)
	changed := b.claim(b.jobOf(run.ID, syncjob.Balances))
	_, err := b.Commit(t.Context(), changed, succeeded(), store(account.ID, changed))
	require.NoError(t, err)
	dead := b.claim(b.jobOf(run.ID, syncjob.Orders))
	b.commit(dead, Outcome{Status: syncjob.Dead, Class: syncjob.Transient, Message: "x"})
	b.commit(b.claim(b.planned(account, syncjob.Positions)), succeeded()) // nothing to announce
	require.Equal(t, syncjob.RunPartial, b.fold(run.ID).Status)

	news, err := b.UnannouncedJobs(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, news, 2)
	require.Equal(t, []string{changed.JobID, dead.JobID}, []string{news[0].JobID, news[1].JobID}, "oldest first")
	require.Equal(t, int64(1), news[0].RowsChanged)
	require.Equal(t, syncjob.Dead, news[1].Status)
	one, err := b.JobNews(t.Context(), dead.JobID)
	require.NoError(t, err)
	require.Equal(t, news[1:], one)
	runs, err := b.UnannouncedRuns(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Equal(t, []string{run.ID}, runs)
	runs, err = b.UnannouncedRuns(t.Context(), time.Hour, 10)
	require.NoError(t, err)
	require.Empty(t, runs, "its own announcement may be under way")

	require.NoError(t, b.RunsAnnounced(t.Context(), []Run{run}))
	require.NoError(t, b.JobsAnnounced(t.Context(), []string{changed.JobID, dead.JobID}))
	runs, err = b.UnannouncedRuns(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Empty(t, runs)
	news, err = b.UnannouncedJobs(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Empty(t, news)
}

func TestPruneKeepsWhatIsYoungOrOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.manual(account, syncjob.Balances)
	job := b.claim(b.jobOf(first.ID, syncjob.Balances))
	follower := b.manual(account, syncjob.Balances)
	b.commit(job, failed(syncjob.Decode))
	b.fold(first.ID)
	pruned, err := b.Prune(t.Context(), 100)
	require.NoError(t, err)
	require.Zero(t, pruned)

	b.exec(`UPDATE alphapulse.sync_runs SET created_at = created_at - interval '31 days',
finished_at = finished_at - interval '31 days'`)
	_, err = b.Prune(t.Context(), 100)
	require.NoError(t, err)
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_attempts`))
	kept, err := b.Run(t.Context(), follower.ID)
	require.NoError(t, err, "it is open, and outlives the run it followed")
	require.Empty(t, kept.Follows)
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_runs`))
}

func TestReadingRunsAndScopes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	other := b.active("other")
	run := b.manual(account, syncjob.Balances)
	b.manual(other, syncjob.Balances)
	mine, err := b.Runs(t.Context(), RunFilter{SubjectID: account.ID, Status: syncjob.RunRunning, Trigger: syncjob.Manual})
	require.NoError(t, err)
	require.Len(t, mine, 1)
	require.Equal(t, run, mine[0])
	older, err := b.Runs(t.Context(), RunFilter{SubjectID: account.ID, Before: run.CreatedAt})
	require.NoError(t, err)
	require.Len(t, older, 2, "its probe and its initial run")
	require.Equal(t, syncjob.Initial, older[0].Trigger, "newest first")

	b.exec(`INSERT INTO alphapulse.sync_scopes (account_id, data_type, scope, error_class, error_message, error_at)
VALUES ($1, 'orders', 'linear', 'permission', 'no', clock_timestamp())`, account.ID)
	b.exec(`INSERT INTO alphapulse.sync_scopes (market_id, data_type, scope) VALUES ($1, 'prices', 'spot')`, account.MarketID)
	unread, err := b.UnreadScopes(t.Context(), "main")
	require.NoError(t, err)
	require.Len(t, unread, 2)
	require.Equal(t, "permission", unread[0].Class)
	unread, err = b.UnreadScopes(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, unread, 3, "the market's with each account")

	require.NoError(t, b.PauseMarket(t.Context(), account.MarketID, time.Hour, "worker"))
	require.NoError(t, b.PauseMarket(t.Context(), account.MarketID, time.Minute, "worker"))
	pauses, err := b.Pauses(t.Context())
	require.NoError(t, err)
	require.Len(t, pauses, 1)
	require.Greater(t, time.Until(*pauses[0].Until), 50*time.Minute, "never shortened")
}

func TestFreshnessKnowsWhatIsStale(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.commit(b.claim(b.planned(account, syncjob.Balances)), succeeded())
	b.commit(b.claim(b.planned(account, syncjob.Prices)), succeeded())
	stale := func() map[string]bool {
		all, err := b.Freshness(t.Context(), "")
		require.NoError(t, err)
		m := map[string]bool{}
		for _, f := range all {
			m[f.DataType] = f.Stale
		}
		return m
	}
	require.Equal(t, map[string]bool{
		"balances": false, "positions": true, "orders": true, "prices": false,
		"fills": true, "ledger": true, "closed_pnl": true, "instruments": true,
	}, stale(), "the probe is no data")
	b.exec(`UPDATE alphapulse.sync_state SET as_of = clock_timestamp() - interval '134 seconds'`)
	require.False(t, stale()["balances"], "2 x 60 s and 15 s")
	require.True(t, stale()["prices"], "2 x 15 s and 15 s")
	b.exec(`UPDATE alphapulse.sync_state SET as_of = clock_timestamp() - interval '136 seconds'`)
	require.True(t, stale()["balances"])
	b.exec(`UPDATE alphapulse.markets SET stretch = 2`)
	require.False(t, stale()["balances"], "as stretched")
	b.exec(`UPDATE alphapulse.accounts SET status = 'needs_attention'`)
	require.True(t, stale()["balances"], "nobody reads it")
}
