package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// day is midnight UTC so many days from the fifth of January 2026, a Monday, at
// which windows are cut.
func day(n int) time.Time { return time.Date(2026, 1, 5+n, 0, 0, 0, 0, time.UTC) }

func span7(from int) Window { return Window{From: day(from), To: day(from + 7)} }

// cover records what of a scope is covered: a text such as {[2026-01-01Z,2026-01-02Z)}.
func (b bundle) cover(account Account, t syncjob.DataType, scope, covered string) {
	b.t.Helper()
	b.exec(`
INSERT INTO alphapulse.sync_coverage AS c (account_id, data_type, scope, covered) VALUES ($1, $2, $3, $4::tstzmultirange)
ON CONFLICT (subject_id, data_type, scope) DO UPDATE SET covered = c.covered + excluded.covered`,
		account.ID, string(t), scope, covered)
}

func (b bundle) backfill(account Account, from, to int, types ...syncjob.DataType) Run {
	b.t.Helper()
	run, err := b.StartBackfill(b.ctx(), BackfillRequest{AccountID: account.ID, Types: types, Since: day(from), Until: day(to)})
	require.NoError(b.t, err)
	return run
}

// windows lists the windows of a run's jobs.
func (b bundle) windows(runID string) []Window {
	b.t.Helper()
	jobs, err := b.Jobs(b.ctx(), runID)
	require.NoError(b.t, err)
	var windows []Window
	for _, job := range jobs {
		require.NotNil(b.t, job.Window)
		windows = append(windows, *job.Window)
	}
	return windows
}

func TestABackfillIsOneJobAWindow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.backfill(account, 0, 16, syncjob.Fills)
	require.Equal(t, syncjob.TriggerBackfill, run.Trigger)
	require.Equal(t, []string{"fills"}, run.Types)
	require.Equal(t, 3, run.Total)
	require.Equal(t, []Window{span7(0), span7(7), {From: day(14), To: day(16)}}, b.windows(run.ID))
	require.InDelta(t, 30*time.Minute, run.DeadlineAt.Sub(*run.StartedAt), float64(time.Second))
	job := b.claim(b.jobOf(run.ID, syncjob.Fills))
	require.Equal(t, syncjob.Backfill, job.Lane)
	require.Equal(t, 12, job.MaxAttempts)
	require.LessOrEqual(t, job.Window.To.Sub(job.Window.From), MaxWindow)
}

func TestOnlyWhatIsMissingIsPlanned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-12Z),[2026-01-14Z,2026-01-20Z)}")
	b.cover(account, syncjob.Fills, "spot", "{[2026-01-05Z,2026-01-20Z)}")
	plans, err := b.PlanBackfill(t.Context(), BackfillRequest{
		AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}, Since: day(-2), Until: day(15),
	})
	require.NoError(t, err)
	require.Equal(t, []BackfillPlan{{
		DataType: syncjob.Fills, Since: day(-2), Until: day(15),
		Windows:  []Window{{From: day(-2), To: day(0)}, {From: day(7), To: day(9)}},
		Underway: []Window{},
		Covered:  []Window{span7(0), {From: day(9), To: day(15)}},
	}}, plans, "missing is what any scope lacks")
	require.Empty(t, b.openRuns(account.ID), "a plan does nothing")
	require.Equal(t, plans[0].Windows, b.windows(b.backfill(account, -2, 15, syncjob.Fills).ID))
}

func TestAScopeThatCannotBeReadOrIsOutOfReachIsNotMissed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-20Z)}")
	b.cover(account, syncjob.Fills, "spot", "{[2026-01-09Z,2026-01-20Z)}")
	b.cover(account, syncjob.Fills, "option", "{}")
	b.exec(`UPDATE alphapulse.sync_coverage SET unreadable = 'no permission' WHERE scope = 'option'`)
	b.exec(`UPDATE alphapulse.sync_coverage SET horizon = '2026-01-09Z' WHERE scope = 'spot'`)
	req := BackfillRequest{AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}, Since: day(0), Until: day(15)}
	_, err := b.StartBackfill(t.Context(), req)
	require.ErrorIs(t, err, ErrNothingMissing)
	req.Since = day(-1)
	plans, err := b.PlanBackfill(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, []Window{{From: day(-1), To: day(0)}}, plans[0].Windows, "linear may still be served")
	require.Equal(t, day(4), plans[0].Horizon.UTC())
	b.exec(`UPDATE alphapulse.sync_coverage SET horizon = '2026-01-04T22:30Z' WHERE scope = 'linear'`)
	_, err = b.StartBackfill(t.Context(), req)
	require.ErrorIs(t, err, ErrNothingMissing, "before every scope's horizon, or about to be")
}

func TestTheNewestMinutesAreTheLiveLanes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	req := BackfillRequest{AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}, Since: time.Now().Add(-time.Hour)}
	plans, err := b.PlanBackfill(t.Context(), req)
	require.NoError(t, err)
	require.InDelta(t, 12*time.Minute, time.Since(plans[0].Until), float64(2*time.Minute), "indexing delay and two ticks")
	require.Equal(t, plans[0].Until, plans[0].Windows[len(plans[0].Windows)-1].To)
	b.cover(account, syncjob.Fills, "withdrawal", "{}")
	b.exec(`UPDATE alphapulse.sync_coverage SET lag = interval '24 hours'`)
	_, err = b.StartBackfill(t.Context(), req)
	require.ErrorIs(t, err, ErrNothingMissing, "a scope to which rows are added for a day")
	req.Since = time.Now().Add(-time.Minute)
	_, err = b.StartBackfill(t.Context(), req)
	require.ErrorIs(t, err, ErrNothingMissing)
}

func TestASecondBackfillResumesWhereTheFirstOneEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.backfill(account, 0, 21, syncjob.Fills)
	require.NoError(t, b.EndRun(t.Context(), first.ID, syncjob.CancelUser))
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-12Z,2026-01-19Z)}") // what one window committed
	second := b.backfill(account, 0, 21, syncjob.Fills)
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, []Window{span7(0), span7(14)}, b.windows(second.ID))
}

func TestAnAccountHasOneOpenBackfill(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.backfill(account, 0, 14, syncjob.Fills)
	same := b.backfill(account, 0, 14, syncjob.Fills)
	require.Equal(t, first.ID, same.ID, "all of it is being read")
	require.Equal(t, 2, same.Total)
	b.exec(`UPDATE alphapulse.sync_runs SET deadline_at = clock_timestamp() + interval '1 minute' WHERE id = $1`, first.ID)
	wider := b.backfill(account, 7, 21, syncjob.Fills, syncjob.Ledger)
	require.Equal(t, first.ID, wider.ID)
	require.Equal(t, 5, wider.Total, "one more window of fills, two of the ledger")
	require.ElementsMatch(t, []string{"fills", "ledger"}, wider.Types)
	require.Greater(t, time.Until(*wider.DeadlineAt), 20*time.Minute, "with time for them")
	require.ElementsMatch(t, []Window{span7(0), span7(7), span7(14), span7(7), span7(14)}, b.windows(first.ID))
	b.backfill(b.active("other"), 0, 14, syncjob.Fills)

	runs := concurrently(t, 6, func(int) (string, error) {
		run, err := b.StartBackfill(t.Context(), BackfillRequest{AccountID: account.ID, Since: day(0), Until: day(35)})
		return run.ID, err
	})
	require.Equal(t, map[string]int{first.ID: 6}, tally(runs))
	require.Zero(t, b.count(`SELECT count(*) FROM (SELECT FROM alphapulse.sync_jobs WHERE run_id = $1
GROUP BY data_type, "window" HAVING count(*) > 1) x`, first.ID), "no window twice")
	for range 2 {
		b.exec(`UPDATE alphapulse.sync_jobs SET status = 'succeeded', finished_at = clock_timestamp(), next_at = NULL
WHERE run_id = $1`, first.ID)
		require.Equal(t, syncjob.RunSucceeded, b.fold(first.ID).Status)
	}
}

func TestABackfillIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	start := func(req BackfillRequest) error {
		if req.AccountID == "" {
			req.AccountID = account.ID
		}
		_, err := b.StartBackfill(t.Context(), req)
		return err
	}
	require.ErrorContains(t, start(BackfillRequest{Since: day(0), Types: []syncjob.DataType{syncjob.Prices}}),
		"those are orders,fills,ledger,closed_pnl")
	require.ErrorContains(t, start(BackfillRequest{}), "time to begin at")
	require.ErrorContains(t, start(BackfillRequest{Since: day(1), Until: day(0)}), "is empty")
	require.ErrorIs(t, start(BackfillRequest{Since: day(0), AccountID: "nobody"}), ErrNotFound)
	waiting, _ := b.pending("waiting")
	require.ErrorIs(t, start(BackfillRequest{Since: day(0), AccountID: waiting.ID}), ErrPending)
	require.NoError(t, b.PauseAccount(t.Context(), account.ID, ""))
	require.ErrorIs(t, start(BackfillRequest{Since: day(0)}), ErrPaused)
	require.NoError(t, b.RemoveAccount(t.Context(), account.ID))
	require.ErrorIs(t, start(BackfillRequest{Since: day(0)}), ErrNotFound)
	require.Empty(t, b.openRuns(account.ID))
}
