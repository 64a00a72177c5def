package ledger

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestRule07JoinsARunNoneOfWhoseJobsIsClaimed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first, joined, err := b.StartManual(t.Context(), account.ID, syncjob.All())
	require.NoError(t, err)
	require.False(t, joined)
	require.Equal(t, 4, first.Total)
	b.publish()

	second, joined, err := b.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Orders})
	require.NoError(t, err)
	require.True(t, joined)
	require.Equal(t, first.ID, second.ID)
}

func TestRule07DoesNotJoinWhatHasBegunOrLacksATypeOrTime(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(b bundle, run Run){
		"claimed": func(b bundle, run Run) { b.claim(b.jobOf(run.ID, syncjob.Orders)) },
		"claimed before, waiting": func(b bundle, run Run) {
			b.commit(b.claim(b.jobOf(run.ID, syncjob.Orders)), retry(syncjob.Transient))
		},
		"skipped": func(b bundle, run Run) {
			b.exec(`UPDATE alphapulse.sync_jobs SET status = 'skipped', finished_at = clock_timestamp()
WHERE run_id = $1 AND data_type = 'orders'`, run.ID)
		},
		"past its deadline": func(b bundle, run Run) {
			b.exec(`UPDATE alphapulse.sync_runs SET deadline_at = clock_timestamp() WHERE id = $1`, run.ID)
		},
		"replay": func(b bundle, run Run) {
			b.exec(`UPDATE alphapulse.sync_runs SET trigger = 'replay' WHERE id = $1`, run.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			account := b.active("main")
			first := b.manual(account, syncjob.Orders, syncjob.Balances)
			spoil(b, first)
			second, joined, err := b.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances})
			require.NoError(t, err)
			require.False(t, joined)
			require.NotEqual(t, first.ID, second.ID)
			if name == "replay" {
				require.Empty(t, second.Follows)
				return
			}
			require.Equal(t, first.ID, second.Follows)
		})
	}
	t.Run("lacks a type", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		account := b.active("main")
		first := b.manual(account, syncjob.Orders)
		second := b.manual(account, syncjob.Balances)
		require.Equal(t, first.ID, second.Follows)
	})
}

func TestRule07AFollowerIsHeldBackAndWidened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.manual(account, syncjob.Orders)
	b.claim(b.jobOf(first.ID, syncjob.Orders))

	follower := b.manual(account, syncjob.Orders)
	require.Nil(t, follower.StartedAt)
	require.Nil(t, follower.DeadlineAt)
	require.Empty(t, b.publish(), "its jobs are not published")

	widened, joined, err := b.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Prices, syncjob.Orders})
	require.NoError(t, err)
	require.True(t, joined)
	require.Equal(t, follower.ID, widened.ID)
	require.Equal(t, []string{"orders", "prices"}, widened.Types)
	require.Equal(t, 2, widened.Total)
	jobs, err := b.Jobs(t.Context(), follower.ID)
	require.NoError(t, err)
	require.Len(t, jobs, 2)
	require.Empty(t, b.publish())
	require.Len(t, b.openRuns(account.ID), 2)
}

func TestRule07AFollowerStartsWhenTheRunBeforeItEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b bundle, first Run, job *Claimed){
		"fold": func(b bundle, first Run, job *Claimed) {
			b.commit(job, succeeded())
			b.fold(first.ID)
		},
		"end": func(b bundle, first Run, _ *Claimed) {
			require.NoError(b.t, b.EndRun(b.ctx(), first.ID, syncjob.CancelUser))
		},
		"sweep": func(b bundle, first Run, _ *Claimed) {
			b.exec(`UPDATE alphapulse.sync_runs SET status = 'failed', finished_at = clock_timestamp() WHERE id = $1`, first.ID)
			n, err := b.StartFollowers(b.ctx(), 10)
			require.NoError(b.t, err)
			require.Equal(b.t, 1, n)
		},
		"sweep, the run before it gone": func(b bundle, first Run, _ *Claimed) {
			b.exec(`DELETE FROM alphapulse.sync_runs WHERE id = $1`, first.ID)
			_, err := b.StartFollowers(b.ctx(), 10)
			require.NoError(b.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			account := b.active("main")
			first := b.manual(account, syncjob.Orders)
			job := b.claim(b.jobOf(first.ID, syncjob.Orders))
			follower := b.manual(account, syncjob.Orders, syncjob.Prices)
			n, err := b.StartFollowers(t.Context(), 10)
			require.NoError(t, err)
			require.Zero(t, n, "not while the run before it is open")

			end(b, first, job)
			follower, err = b.Run(t.Context(), follower.ID)
			require.NoError(t, err)
			require.NotNil(t, follower.StartedAt)
			require.InDelta(t, 5*time.Minute, follower.DeadlineAt.Sub(*follower.StartedAt), float64(time.Second))
			require.Len(t, b.publish(), 2)
			require.False(t, b.row(b.jobOf(follower.ID, syncjob.Orders)).QueuedAt.Before(*follower.StartedAt))
		})
	}
}

// Fifty calls at once, while workers claim: at most two runs are open, and no
// run was joined that had been claimed before the call.
func TestRule07FiftyCallersShareAtMostTwoRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	stop := make(chan struct{})
	var claims sync.WaitGroup
	claims.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			due, err := b.TakeDue(t.Context(), 1)
			if err == nil && len(due) == 1 {
				_, _, _ = b.Claim(t.Context(), b.request(due[0].JobID))
			}
		}
	})
	type call struct {
		at  time.Time
		run string
	}
	calls := concurrently(t, 50, func(int) (call, error) {
		c := call{}
		if err := b.db.QueryRow(t.Context(), `SELECT clock_timestamp()`).Scan(&c.at); err != nil {
			return c, err
		}
		run, _, err := b.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Orders, syncjob.Balances})
		c.run = run.ID
		return c, err
	})
	close(stop)
	claims.Wait()

	require.LessOrEqual(t, len(b.openRuns(account.ID)), 2)
	runs := map[string]bool{}
	for _, c := range calls {
		runs[c.run] = true
		require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE run_id = $1 AND claimed_at < $2`,
			c.run, c.at), "a run that had been claimed before the call was joined")
	}
	require.LessOrEqual(t, len(runs), 2)
}

// A read of the prices that was claimed before a caller joined must not stand
// for the read that this caller waits for.
func TestRule07AJoinedRunIsNotSatisfiedByAnOlderReadOfThePrices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.manual(account, syncjob.Prices)
	scheduled := b.claim(b.planned(account, syncjob.Prices))
	joined, ok, err := b.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Prices})
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, first.ID, joined.ID)
	b.commit(scheduled, succeeded())
	require.True(t, b.row(b.jobOf(first.ID, syncjob.Prices)).Status.Open())
}

func TestManualRunsByTheStateOfTheAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	for status, want := range map[AccountStatus]error{
		AccountPending: ErrPending, AccountPaused: ErrPaused, AccountRemoved: ErrNotFound,
	} {
		b.exec(`UPDATE alphapulse.accounts SET status = $2 WHERE id = $1`, account.ID, string(status))
		_, _, err := b.StartManual(t.Context(), account.ID, syncjob.All())
		require.ErrorIs(t, err, want)
	}
	b.exec(`UPDATE alphapulse.accounts SET status = 'needs_attention' WHERE id = $1`, account.ID)
	run := b.manual(account, syncjob.All()...)
	for _, dataType := range []syncjob.DataType{syncjob.Balances, syncjob.Positions, syncjob.Orders} {
		require.Equal(t, Inactive, b.refused(b.jobOf(run.ID, dataType)).Answer)
	}
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Prices)), succeeded())
	require.Equal(t, syncjob.RunPartial, b.fold(run.ID).Status, "prices need no key")
}

func TestManualRunsOfNoOrUnknownTypesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	for _, types := range [][]syncjob.DataType{nil, {syncjob.Probe}, {"trades"}} {
		_, _, err := b.StartManual(t.Context(), account.ID, types)
		require.ErrorContains(t, err, "known are balances,positions,orders,prices")
	}
	require.Empty(t, b.openRuns(account.ID))
	run := b.manual(account, syncjob.Orders, syncjob.Orders)
	require.Equal(t, 1, run.Total)
}

// A fold locks the run that ends before the one that follows it, and so must a
// call that locks both, whatever their ids.
func TestRule02RunsAreLockedOldestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	var first, follower Run
	for range 64 {
		first = b.manual(account, syncjob.Orders)
		b.claim(b.jobOf(first.ID, syncjob.Orders))
		if follower = b.manual(account, syncjob.Orders); follower.ID < first.ID {
			break
		}
		require.NoError(t, b.EndRun(t.Context(), follower.ID, syncjob.CancelUser))
		require.NoError(t, b.EndRun(t.Context(), first.ID, syncjob.CancelUser))
	}
	require.Less(t, follower.ID, first.ID)
	called := make(chan error, 1)
	require.NoError(t, b.db.InTx(t.Context(), "fold", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM alphapulse.sync_runs WHERE id = $1 FOR NO KEY UPDATE`, first.ID); err != nil {
			return err
		}
		go func() {
			_, _, err := b.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Orders})
			called <- err
		}()
		require.Eventually(t, func() bool {
			return b.count(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
				AND datname = current_database()`) == 1
		}, 10*time.Second, 5*time.Millisecond)
		return startFollowers(ctx, tx, []string{first.ID})
	}))
	require.NoError(t, <-called)
	require.Zero(t, b.db.Stats().Retried, "transactions that lost against another one")
}
