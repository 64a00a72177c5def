package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// deadlineIn moves a run's deadline.
func (b bundle) deadlineIn(runID, span string) {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.sync_runs SET deadline_at = clock_timestamp() + $2::interval WHERE id = $1`, runID, span)
}

func (b bundle) overdue() int {
	b.t.Helper()
	n, err := b.EndOverdue(b.ctx(), 10)
	require.NoError(b.t, err)
	return n
}

func (b bundle) left(runID string) time.Duration {
	b.t.Helper()
	run, err := b.Run(b.ctx(), runID)
	require.NoError(b.t, err)
	require.Equal(b.t, syncjob.RunRunning, run.Status)
	return time.Until(*run.DeadlineAt)
}

func TestTheDeadlineOfABackfillMovesWithItsWindows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.backfill(account, 0, 28, syncjob.Fills)
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Fills)), succeeded())
	b.deadlineIn(run.ID, "11 minutes")
	require.Zero(t, b.overdue())
	require.InDelta(t, 11*time.Minute, b.left(run.ID), float64(time.Minute), "not near yet")
	for _, near := range []string{"9 minutes", "-1 second"} { // the second: nobody looked for long
		b.deadlineIn(run.ID, near)
		require.Zero(t, b.overdue())
		require.InDelta(t, 30*time.Minute, b.left(run.ID), float64(time.Minute), "from the last window committed")
	}
	b.exec(`UPDATE alphapulse.sync_jobs SET finished_at = finished_at - interval '25 minutes' WHERE finished_at IS NOT NULL`)
	b.deadlineIn(run.ID, "1 minute")
	require.Zero(t, b.overdue())
	require.InDelta(t, 5*time.Minute, b.left(run.ID), float64(time.Minute))
	b.deadlineIn(run.ID, "9 minutes")
	require.Zero(t, b.overdue())
	require.InDelta(t, 9*time.Minute, b.left(run.ID), float64(time.Minute), "never earlier")
}

func TestABackfillThatTheExchangeHoldsUpWaitsForIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.backfill(b.active("main"), 0, 7, syncjob.Fills)
	job := b.claim(b.jobOf(run.ID, syncjob.Fills))
	b.commit(job, Outcome{
		Status: syncjob.Waiting, Wait: syncjob.WaitExchange, After: 2 * time.Hour, Class: syncjob.Banned,
	})
	b.deadlineIn(run.ID, "-1 second")
	require.Zero(t, b.overdue())
	require.InDelta(t, 150*time.Minute, b.left(run.ID), float64(time.Minute))
}

func TestABackfillInWhichNothingMovesExpires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.backfill(account, 0, 56, syncjob.Fills)
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Fills)), succeeded())
	b.claim(b.jobsOf(run.ID)[1].ID)
	b.exec(`UPDATE alphapulse.sync_jobs SET finished_at = finished_at - interval '31 minutes' WHERE finished_at IS NOT NULL`)
	b.deadlineIn(run.ID, "-1 second")
	require.Equal(t, 1, b.overdue())
	ended, err := b.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, syncjob.RunExpired, ended.Status)
	require.Equal(t, 7, ended.Cancelled)
	require.Zero(t, b.inHandOf(account, syncjob.Fills))
	require.Equal(t, []Window{span7(7)}, b.windows(b.backfill(account, 7, 14, syncjob.Fills).ID), "and can be resumed")
}

// A verification whose windows wait behind a backfill of the account lives as
// long as that one moves.
func TestARunLivesWhileTheRunBeforeItMoves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-12Z)}")
	backfill := b.backfill(account, 7, 70, syncjob.Fills)
	verify, err := b.StartVerify(t.Context(), VerifyRequest{AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}})
	require.NoError(t, err)
	stranger := b.backfill(b.active("other"), 0, 7, syncjob.Fills)
	b.commit(b.claim(b.jobOf(backfill.ID, syncjob.Fills)), succeeded())
	b.deadlineIn(verify.ID, "-1 second")
	b.deadlineIn(stranger.ID, "-1 second")
	require.Equal(t, 1, b.overdue(), "the other account's")
	require.InDelta(t, 15*time.Minute, b.left(verify.ID), float64(time.Minute))
}

// A run that was found overdue and has got more time since is left alone.
func TestADeadlineThatHasMovedOnEndsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.backfill(b.active("main"), 0, 7, syncjob.Fills)
	require.NoError(t, b.expire(t.Context(), run.ID))
	require.Positive(t, b.left(run.ID))
	b.deadlineIn(run.ID, "-1 second")
	require.NoError(t, b.expire(t.Context(), run.ID))
	require.Empty(t, b.openRuns(run.Subject.ID))
}

func TestTheMessageOfAMovingRunDoesNotExpire(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	window := b.jobOf(b.backfill(account, 0, 7, syncjob.Fills).ID, syncjob.Fills)
	manual := b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances)
	due := b.publish()
	require.Nil(t, due[window].ExpiresAt, "its deadline moves on while it is in line")
	require.NotNil(t, due[manual].ExpiresAt)
}
