package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// while runs call beside a transaction that holds what lock locks: call begins
// when lock has returned, and the transaction ends when call waits for
// a lock or has come to an end. It gives what call returned, and whether it waited.
func while[T any](b bundle, lock func(context.Context, pgx.Tx), call func() (T, error)) (got T, waited bool) {
	b.t.Helper()
	return whileThen(b, lock, call, func(context.Context, pgx.Tx) {})
}

func whileThen[T any](
	b bundle, lock func(context.Context, pgx.Tx), call func() (T, error), then func(context.Context, pgx.Tx),
) (got T, waited bool) {
	b.t.Helper()
	var err error
	done := make(chan struct{})
	require.NoError(b.t, b.db.InTx(b.ctx(), "hold", func(ctx context.Context, tx pgx.Tx) error {
		lock(ctx, tx)
		go func() {
			defer close(done)
			got, err = call()
		}()
		require.Eventually(b.t, func() bool {
			select {
			case <-done:
				return true
			default:
			}
			// A NOTIFY waits for those of all databases of the server: that is no row.
			waited = b.count(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
				AND wait_event <> 'object' AND datname = current_database()`) > 0
			return waited
		}, 30*time.Second, 5*time.Millisecond)
		then(ctx, tx)
		return nil
	}))
	<-done
	require.NoError(b.t, err)
	return got, waited
}

// insertAtOnce inserts rows that refer to an account, its market and one of its
// runs, and waits for nobody's lock.
func (b bundle) insertAtOnce(account Account, runID string) error {
	return b.db.InTx(b.ctx(), "insert", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '200ms'`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
INSERT INTO alphapulse.sync_scopes (account_id, data_type, scope) VALUES ($1, 'orders', gen_random_uuid()::text)`, account.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
INSERT INTO alphapulse.sync_runs (market_id, requested_types, trigger) VALUES ($1, '{prices}', 'schedule')`, account.MarketID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, follows)
VALUES ($1, '{orders}', 'manual', $2)`, account.ID, runID)
		return err
	})
}

// Rows that refer to a subject or a run are inserted while it is locked: FOR
// UPDATE would wait for them, and they for it.
func TestRule02SubjectsAndRunsAreLockedWithoutTheirKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.Balances)
	require.NoError(t, b.db.InTx(t.Context(), "account", func(ctx context.Context, tx pgx.Tx) error {
		_, _, err := lockAccount(ctx, tx, account.ID)
		require.NoError(t, err)
		require.NoError(t, lockMarket(ctx, tx, account.MarketID))
		require.NoError(t, b.insertAtOnce(account, run.ID))
		return nil
	}))
	require.NoError(t, b.endIf(t.Context(), run.ID, syncjob.CancelUser, func(context.Context, pgx.Tx) (bool, error) {
		require.NoError(t, b.insertAtOnce(account, run.ID))
		return false, nil
	}))
}

// An outcome that may change the account waits for it before it touches the job:
// whoever stops an account has locked it, and comes for its jobs next.
func TestRule02AnOutcomeLocksTheAccountFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.claim(b.planned(account, syncjob.Balances))
	settled, waited := whileThen(b, func(ctx context.Context, tx pgx.Tx) {
		_, _, err := lockAccount(ctx, tx, account.ID)
		require.NoError(t, err)
	}, func() (Settled, error) {
		return b.Commit(t.Context(), job, failed(syncjob.Auth), nil)
	}, func(ctx context.Context, tx pgx.Tx) {
		_, err := tx.Exec(ctx, `SELECT FROM alphapulse.sync_jobs WHERE id = $1 FOR UPDATE NOWAIT`, job.JobID)
		require.NoError(t, err, "whoever waits for the account has the job")
	})
	require.True(t, waited)
	require.True(t, settled.Applied)
}

func TestRule06AClaimThatLosesTheRaceIsASibling(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first, second := b.planned(account, syncjob.Balances), b.planned(account, syncjob.Balances)
	b.publish()
	refusal, waited := while(b, b.claiming(first), func() (Refusal, error) {
		job, refusal, err := b.Claim(t.Context(), b.request(second))
		require.Nil(t, job, "the other claim was there first")
		return refusal, err
	})
	require.True(t, waited)
	require.Equal(t, Sibling, refusal.Answer)
	require.Equal(t, syncjob.Waiting, b.row(second).Status)
}

// claiming is a claim that has not been committed yet.
func (b bundle) claiming(jobID string) func(context.Context, pgx.Tx) {
	return func(ctx context.Context, tx pgx.Tx) {
		_, err := tx.Exec(ctx, `
UPDATE alphapulse.sync_jobs SET status = 'running', claim = $2, attempt = 1, claimed_at = clock_timestamp(),
    started_at = clock_timestamp(), lease_until = clock_timestamp() + interval '10 seconds' WHERE id = $1`, jobID, uuid.NewString())
		require.NoError(b.t, err)
	}
}

func TestRule07AJobThatIsClaimedMeanwhileIsNotJoined(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	first := b.manual(account, syncjob.Balances)
	second, waited := while(b, b.claiming(b.jobOf(first.ID, syncjob.Balances)), func() (Run, error) {
		run, _, err := b.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances})
		return run, err
	})
	require.True(t, waited)
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, first.ID, second.Follows)
}

func TestRule04TheLookupWaitsForACommitInFlight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	job := b.claim(b.planned(b.active("main"), syncjob.Balances))
	type found struct {
		again   bool
		settled Settled
	}
	got, _ := while(b, func(ctx context.Context, tx pgx.Tx) {
		held, err := fence(ctx, tx, []*ending{{job: job, out: succeeded()}})
		require.NoError(t, err)
		require.Len(t, held, 1)
	}, func() (found, error) {
		again, settled, err := b.lookUp(t.Context(), job)
		return found{again, settled}, err
	})
	require.Equal(t, found{settled: Settled{Holds: true, Applied: true, Status: syncjob.Succeeded}}, got)
}

func TestRule09AJobInAnotherPublishersHandsIsLeftToIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.planned(b.active("main"), syncjob.Balances)
	due, waited := while(b, func(ctx context.Context, tx pgx.Tx) {
		_, err := tx.Exec(ctx, `
UPDATE alphapulse.sync_jobs SET publishes = publishes + 1, next_at = NULL, published_at = clock_timestamp() WHERE id = $1`, id)
		require.NoError(t, err)
	}, func() ([]Publication, error) { return b.TakeDue(t.Context(), 10) })
	require.False(t, waited)
	require.Empty(t, due)
	require.Equal(t, 1, b.row(id).Publishes)
}

func TestRule16AHeartbeatDoesNotWaitForACommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	job, held := b.running(b.active("main"))
	_, other := b.running(b.active("other"))
	extended, waited := while(b, func(ctx context.Context, tx pgx.Tx) {
		held, err := fence(ctx, tx, []*ending{{job: job, out: succeeded()}})
		require.NoError(t, err)
		require.Len(t, held, 1)
	}, func() ([]string, error) { return b.Extend(t.Context(), []Holding{held, other}) })
	require.False(t, waited)
	require.Equal(t, []string{other.JobID}, extended)
}

// A commit in flight is waited for before anything is purged: its rows go too.
func TestARemovedAccountIsPurgedAfterItsJobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.claim(b.planned(account, syncjob.Balances))
	_, waited := while(b, func(ctx context.Context, tx pgx.Tx) {
		held, err := fence(ctx, tx, []*ending{{job: job, out: succeeded()}})
		require.NoError(t, err)
		require.Len(t, held, 1)
		_, err = store(account.ID, job)(ctx, tx)
		require.NoError(t, err)
	}, func() (struct{}, error) { return struct{}{}, b.RemoveAccount(t.Context(), account.ID) })
	require.True(t, waited)
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.balances`))
}
