package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestRule19EndingEarlyCancelsWhatIsOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.All()...)
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Balances)), succeeded())
	b.claim(b.jobOf(run.ID, syncjob.Positions))
	out := retry(syncjob.Transient)
	out.After = time.Hour
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Orders)), out)

	require.NoError(t, b.EndRun(t.Context(), run.ID, syncjob.CancelUser))
	ended, err := b.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, syncjob.RunPartial, ended.Status)
	require.Equal(t, 3, ended.Cancelled)
	require.Equal(t, 1, ended.Succeeded)
	require.NotNil(t, ended.FinishedAt)
	for _, dataType := range []syncjob.DataType{syncjob.Positions, syncjob.Orders, syncjob.Prices} {
		job := b.row(b.jobOf(run.ID, dataType))
		require.Equal(t, syncjob.Cancelled, job.Status)
		require.Equal(t, "cancelled", job.CancelReason)
		require.Nil(t, job.NextAt)
	}
	require.Equal(t, "transient", b.row(b.jobOf(run.ID, syncjob.Orders)).ErrorClass, "the last error stays")
	require.NoError(t, b.EndRun(t.Context(), run.ID, syncjob.CancelDeadline), "it has ended")
	again, err := b.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, ended, again)
	require.ErrorIs(t, b.EndRun(t.Context(), "00000000-0000-0000-0000-000000000000", syncjob.CancelUser), ErrNotFound)
}

func TestRule19TheDeadlineEndsOnlyRunsWithAnOpenJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.manual(b.active("open"), syncjob.Balances)
	done := b.manual(b.active("done"), syncjob.Balances)
	young := b.manual(b.active("young"), syncjob.Balances)
	b.commit(b.claim(b.jobOf(done.ID, syncjob.Balances)), succeeded())
	b.exec(`UPDATE alphapulse.sync_runs SET deadline_at = clock_timestamp() WHERE id = ANY($1)`, []string{open.ID, done.ID})
	ended, err := b.EndOverdue(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 2, ended)
	for run, want := range map[string]syncjob.RunStatus{
		open.ID: syncjob.RunExpired, done.ID: syncjob.RunSucceeded, young.ID: syncjob.RunRunning,
	} {
		got, err := b.Run(t.Context(), run)
		require.NoError(t, err)
		require.Equal(t, want, got.Status)
	}
}

// Whichever comes first wins as a whole: either the rows and the outcome are
// stored and counted, or the job is cancelled and nothing is.
func TestEndRunRacingCommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	for range 20 {
		b.exec(`DELETE FROM alphapulse.balances`)
		run := b.manual(account, syncjob.Balances)
		job := b.claim(b.jobOf(run.ID, syncjob.Balances))
		var settled Settled
		concurrently(t, 2, func(i int) (struct{}, error) {
			var err error
			if i == 0 {
				settled, err = b.Commit(t.Context(), job, succeeded(), store(account.ID, job))
			} else {
				err = b.EndRun(t.Context(), run.ID, syncjob.CancelDeadline)
			}
			return struct{}{}, err
		})
		ended, err := b.Run(t.Context(), run.ID)
		require.NoError(t, err)
		rows := b.count(`SELECT count(*) FROM alphapulse.balances`)
		if settled.Applied {
			require.Equal(t, []any{1, syncjob.RunSucceeded, 1, int64(1)}, []any{rows, ended.Status, ended.Succeeded, ended.Changed})
		} else {
			require.Equal(t, []any{0, syncjob.RunExpired, 1, int64(0)}, []any{rows, ended.Status, ended.Cancelled, ended.Changed})
		}
	}
}

func TestRule18FoldWaitsForTheLockAndReadsAfterIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	folded := make(chan Run, 1)
	require.NoError(t, b.db.InTx(t.Context(), "hold", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM alphapulse.sync_runs WHERE id = $1 FOR NO KEY UPDATE`, run.ID)
		require.NoError(t, err)
		go func() { folded <- b.fold(run.ID) }()
		require.Eventually(t, func() bool {
			return b.count(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
				AND datname = current_database()`) == 1
		}, 10*time.Second, 5*time.Millisecond)
		b.commit(job, succeeded()) // while the fold waits
		unfolded, err := b.Unfolded(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Empty(t, unfolded, "only the sweep skips")
		return nil
	}))
	require.Equal(t, syncjob.RunSucceeded, (<-folded).Status)
}

func TestFoldIsIdempotentAndLeavesOpenRunsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances, syncjob.Orders)
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Balances)), succeeded())
	require.Equal(t, syncjob.RunRunning, b.fold(run.ID).Status)
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Orders)), failed(syncjob.Decode))
	folded := concurrently(t, 8, func(int) (bool, error) { return b.Fold(t.Context(), run.ID) })
	require.Equal(t, map[bool]int{true: 1, false: 7}, tally(folded))
	require.Equal(t, syncjob.RunPartial, b.fold(run.ID).Status)
	_, err := b.Fold(t.Context(), "no such run")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestRule20ARunWhoseResultWasLostIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.Balances)
	id := b.jobOf(run.ID, syncjob.Balances)
	job := b.claim(id)
	follower := b.manual(account, syncjob.Balances)
	unfolded, err := b.Unfolded(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Empty(t, unfolded)
	b.commit(job, succeeded())
	unfolded, err = b.Unfolded(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Equal(t, []string{run.ID}, unfolded)
	require.NotContains(t, unfolded, follower.ID)
	young, err := b.Unfolded(t.Context(), time.Minute, 10)
	require.NoError(t, err)
	require.Empty(t, young, "its result may be under way")
}

func TestRemoveAccountRacingCommitLeavesNoRow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 15 {
		account := b.active("main")
		run := b.manual(account, syncjob.Balances)
		job := b.claim(b.jobOf(run.ID, syncjob.Balances))
		concurrently(t, 3, func(call int) (struct{}, error) {
			var err error
			switch call {
			case 0:
				_, err = b.Commit(t.Context(), job, succeeded(), store(account.ID, job))
			case 1:
				err = b.RemoveAccount(t.Context(), account.ID)
			default:
				_, err = b.Fold(t.Context(), run.ID)
			}
			return struct{}{}, err
		})
		for _, table := range purged() {
			require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.`+table+` WHERE account_id = $1`, account.ID), "%s, %d", table, i)
		}
		require.Empty(t, b.openRuns(account.ID))
	}
}

func TestPausingAnAccountEndsItsRunsAndFollowers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.manual(account, syncjob.Balances)
	b.claim(b.jobOf(first.ID, syncjob.Balances))
	follower := b.manual(account, syncjob.Balances)
	require.NoError(t, b.PauseAccount(t.Context(), account.ID, "on leave"))
	for _, id := range []string{first.ID, follower.ID} {
		run, err := b.Run(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, syncjob.RunCancelled, run.Status)
		require.Equal(t, "paused", b.row(b.jobOf(id, syncjob.Balances)).CancelReason)
	}
	paused, err := b.Account(t.Context(), account.ID)
	require.NoError(t, err)
	require.Equal(t, "on leave", paused.Reason)
	require.NoError(t, b.RemoveAccount(t.Context(), account.ID))
	require.ErrorIs(t, b.PauseAccount(t.Context(), account.ID, ""), ErrNotFound)
	b.active("main") // the name is free
}
