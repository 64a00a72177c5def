package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func (b bundle) fillHoles() int {
	b.t.Helper()
	n, err := b.FillHoles(b.ctx(), 10)
	require.NoError(b.t, err)
	return n
}

func TestAHoleIsFilledByItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-06Z),[2026-01-08Z,2026-01-20Z)}")
	b.cover(account, syncjob.Fills, "spot", "{[2026-01-15Z,2026-01-20Z)}") // later, and whole
	b.cover(account, syncjob.Ledger, "transaction_log", "{[2026-01-05Z,2026-01-06Z),[2026-01-20Z,2026-01-21Z)}")
	require.Equal(t, 1, b.fillHoles())
	open := b.openRuns(account.ID)
	require.Len(t, open, 1)
	run, err := b.Run(t.Context(), open[0])
	require.NoError(t, err)
	require.Equal(t, syncjob.TriggerBackfill, run.Trigger)
	require.Equal(t, []string{"fills", "ledger"}, run.Types)
	require.Equal(t, []Window{
		{From: day(1), To: day(3)},
		{From: day(1), To: day(7)}, span7(7), {From: day(14), To: day(15)},
	}, b.windows(run.ID), "between the first and the last instant of a scope, and no more")
	for _, job := range b.jobsOf(run.ID) {
		require.Equal(t, syncjob.Backfill, job.Lane)
	}
	require.Zero(t, b.fillHoles(), "it is open")
}

func TestAHoleIsNotTriedAgainAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-06Z),[2026-01-08Z,2026-01-20Z)}")
	require.Equal(t, 1, b.fillHoles())
	run := b.openRuns(account.ID)[0]
	b.commit(b.claim(b.jobOf(run, syncjob.Fills)), failed(syncjob.Decode))
	require.Equal(t, syncjob.RunFailed, b.fold(run).Status)
	require.Zero(t, b.fillHoles(), "within ten minutes")
	b.exec(`UPDATE alphapulse.sync_runs SET finished_at = finished_at - interval '11 minutes' WHERE finished_at IS NOT NULL`)
	require.Equal(t, 1, b.fillHoles())
	b.exec(`UPDATE alphapulse.sync_runs SET finished_at = NULL WHERE status = 'running'`)
	run = b.openRuns(account.ID)[0]
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-06Z,2026-01-08Z)}")
	b.commit(b.claim(b.jobOf(run, syncjob.Fills)), succeeded())
	b.fold(run)
	b.exec(`UPDATE alphapulse.sync_runs SET finished_at = finished_at - interval '11 minutes' WHERE finished_at IS NOT NULL`)
	require.Zero(t, b.fillHoles(), "filled")
}

func TestWhatIsNoHole(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(b bundle, account Account){
		"nobody's: unreadable": func(b bundle, _ Account) {
			b.exec(`UPDATE alphapulse.sync_coverage SET unreadable = 'no permission'`)
		},
		"before the horizon": func(b bundle, _ Account) {
			b.exec(`UPDATE alphapulse.sync_coverage SET horizon = '2026-01-08Z'`)
		},
		"beyond all that is covered": func(b bundle, _ Account) {
			b.exec(`UPDATE alphapulse.sync_coverage SET horizon = '2027-01-01Z'`)
		},
		"being read": func(b bundle, account Account) { b.backfill(account, -7, 0, syncjob.Ledger) },
		"of an account that is stopped": func(b bundle, account Account) {
			require.NoError(b.t, b.PauseAccount(b.ctx(), account.ID, ""))
		},
		"of a market that is paused": func(b bundle, account Account) {
			b.exec(`INSERT INTO alphapulse.pauses (market_id, lane, reason, created_by) VALUES ($1, 'backfill', 'tests', 'me')`,
				account.MarketID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			account := b.active("main")
			b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-06Z),[2026-01-08Z,2026-01-20Z)}")
			spoil(b, account)
			require.Zero(t, b.fillHoles())
		})
	}
}

func TestManySchedulersFillAHoleOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"a", "b", "c"} {
		b.cover(b.active(name), syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-06Z),[2026-01-08Z,2026-01-20Z)}")
	}
	started := concurrently(t, 6, func(int) (int, error) { return b.FillHoles(t.Context(), 10) })
	total := 0
	for _, n := range started {
		total += n
	}
	require.Equal(t, 3, total)
	require.Equal(t, 3, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE lane = 'backfill'`))
}

// The sweep reads an index, and an interval that grows at its end does not leave
// the page: no index has the covered column.
func TestCoverageThatGrowsIsHeapOnly(t *testing.T) {
	t.Parallel()
	b := setup(t).single()
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-06Z)}")
	hot := func() int {
		b.exec(`SELECT pg_stat_force_next_flush()`)
		return b.count(`SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sync_coverage'`)
	}
	before := hot()
	for range 10 {
		b.exec(`UPDATE alphapulse.sync_coverage
SET covered = covered + tstzmultirange(tstzrange(upper(covered), upper(covered) + interval '1 minute'))`)
	}
	require.Equal(t, 10, hot()-before)
}
