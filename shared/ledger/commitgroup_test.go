package ledger

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// together claims a job of balances for each of n accounts, and gives what would
// commit them with one row each.
func (b bundle) together(n int) ([]Commitment, GroupWrite) {
	b.t.Helper()
	group := make([]Commitment, n)
	for i := range group {
		account := b.active(fmt.Sprintf("account-%d", i))
		job := b.claim(b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances))
		group[i] = Commitment{Job: job, Outcome: succeeded()}
	}
	return group, func(ctx context.Context, tx pgx.Tx, places []int) ([]Written, error) {
		written := make([]Written, len(places))
		for i, place := range places {
			job := group[place].Job
			var err error
			if written[i], err = store(job.Subject.ID, job)(ctx, tx); err != nil {
				return nil, err
			}
		}
		return written, nil
	}
}

func (b bundle) balances(group []Commitment) []int {
	b.t.Helper()
	counts := make([]int, len(group))
	for i, c := range group {
		counts[i] = b.count(`SELECT count(*) FROM alphapulse.balances WHERE account_id = $1`, c.Job.Subject.ID)
	}
	return counts
}

func TestAGroupIsStoredInOneTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	group, write := b.together(3)
	group[2].Outcome = retry(syncjob.Transient)
	settled, err := b.CommitGroup(t.Context(), group, func(ctx context.Context, tx pgx.Tx, places []int) ([]Written, error) {
		require.ElementsMatch(t, []int{0, 1, 2}, places)
		return write(ctx, tx, places)
	})
	require.NoError(t, err)
	changed := Written{Changed: 1}
	require.Equal(t, []Settled{
		{Holds: true, Applied: true, Status: syncjob.Succeeded, Written: changed},
		{Holds: true, Applied: true, Status: syncjob.Succeeded, Written: changed},
		{Holds: true, Applied: true, Status: syncjob.Waiting, Written: changed},
	}, settled)
	require.Equal(t, []int{1, 1, 1}, b.balances(group))
	require.Equal(t, 1, b.count(`SELECT count(DISTINCT xmin::text) FROM alphapulse.balances`))
	require.Equal(t, 2, b.count(`SELECT count(*) FROM alphapulse.sync_state WHERE last_success_at IS NOT NULL`))
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_attempts`), "of the one that failed")
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_state WHERE consecutive_failures = 1`))
}

func TestRule26OnlyRowsOfJobsWhoseFenceHeldAreWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	group, write := b.together(3)
	lost := group[1].Job
	b.expireLease(lost.JobID)
	_, err := b.TakeBackLost(t.Context(), 10)
	require.NoError(t, err)
	successor := b.claim(lost.JobID)

	settled, err := b.CommitGroup(t.Context(), group, func(ctx context.Context, tx pgx.Tx, places []int) ([]Written, error) {
		require.ElementsMatch(t, []int{0, 2}, places)
		return write(ctx, tx, places)
	})
	require.NoError(t, err)
	require.True(t, settled[0].Applied && settled[2].Applied)
	require.Equal(t, Settled{}, settled[1])
	require.Equal(t, []int{1, 0, 1}, b.balances(group))
	require.Equal(t, successor.Claim, b.row(lost.JobID).Claim)

	after, err := b.CommitAfterGroup(t.Context(), lost, succeeded(), func(context.Context, pgx.Tx) (Written, error) {
		return Written{}, errors.New("it must not be written")
	}, ErrFenced)
	require.NoError(t, err)
	require.Equal(t, Settled{Status: syncjob.Running}, after, "neither ack nor nak")
}

// Nothing of a group that fails is stored, and the one that makes it fail harms no
// other.
func TestAGroupThatFailsIsCommittedOneByOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	group, write := b.together(3)
	bad := errors.New("a row that cannot be stored")
	_, err := b.CommitGroup(t.Context(), group, func(ctx context.Context, tx pgx.Tx, places []int) ([]Written, error) {
		_, err := write(ctx, tx, places)
		require.NoError(t, err)
		return nil, bad
	})
	require.ErrorIs(t, err, bad)
	require.Equal(t, []int{0, 0, 0}, b.balances(group))
	for i, c := range group {
		require.Equal(t, syncjob.Running, b.row(c.Job.JobID).Status)
		one := store(c.Job.Subject.ID, c.Job)
		if i == 1 {
			one = func(context.Context, pgx.Tx) (Written, error) { return Written{}, bad }
		}
		settled, alone := b.CommitAfterGroup(t.Context(), c.Job, c.Outcome, one, err)
		if i == 1 {
			require.ErrorIs(t, alone, bad)
			continue
		}
		require.NoError(t, alone)
		require.True(t, settled.Applied)
	}
	require.Equal(t, []int{1, 0, 1}, b.balances(group))
}

func TestRule26AnUnansweredCommitIsLookedUpPerClaim(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]cut{"stored": cutAfter, "not stored": cutBefore} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			broken, next := b.throughProxy()
			group, write := b.together(2)
			next.Store(int32(how))
			_, err := broken.CommitGroup(t.Context(), group, write)
			require.ErrorIs(t, err, postgres.ErrUnknownCommit)
			for _, c := range group {
				again := 0
				settled, alone := b.CommitAfterGroup(t.Context(), c.Job, c.Outcome, func(ctx context.Context, tx pgx.Tx) (Written, error) {
					again++
					return store(c.Job.Subject.ID, c.Job)(ctx, tx)
				}, err)
				require.NoError(t, alone)
				require.Equal(t, Settled{Holds: true, Applied: true, Status: syncjob.Succeeded, Written: Written{Changed: 1}}, settled)
				require.Equal(t, how == cutBefore, again == 1)
			}
			require.Equal(t, []int{1, 1}, b.balances(group))
		})
	}
}

func TestWhatMayChangeItsAccountIsCommittedAlone(t *testing.T) {
	t.Parallel()
	live := &Claimed{Lane: syncjob.Live, DataType: syncjob.Balances}
	require.True(t, Commitment{Job: live, Outcome: succeeded()}.Groupable())
	require.True(t, Commitment{Job: live, Outcome: retry(syncjob.Transient)}.Groupable())
	require.False(t, Commitment{Job: live, Outcome: failed(syncjob.Auth)}.Groupable())
	require.False(t, Commitment{Job: &Claimed{Lane: syncjob.Live, DataType: syncjob.Probe}, Outcome: succeeded()}.Groupable())
	require.False(t, Commitment{Job: &Claimed{Lane: syncjob.Backfill, DataType: syncjob.Fills}, Outcome: succeeded()}.Groupable())
}

func TestAGroupIsClaimedByOneStatement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.active("first"), b.active("second")
	ids := []string{
		b.jobOf(b.manual(first, syncjob.Balances).ID, syncjob.Balances),
		b.jobOf(b.manual(second, syncjob.Balances).ID, syncjob.Balances),
		b.planned(first, syncjob.Balances), // a sibling of the first
		b.jobOf(b.manual(first, syncjob.Positions).ID, syncjob.Positions),
	}
	b.publish()
	var group []ClaimRequest
	for _, id := range ids {
		group = append(group, b.request(id))
	}
	group = append(group, ClaimRequest{JobID: uuid.NewString(), Claim: uuid.NewString(), Publishes: 1}) // unknown
	b.exec(`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() WHERE id = $1`, ids[3])
	jobs, err := b.ClaimGroup(t.Context(), group)
	require.NoError(t, err)
	for i, want := range []bool{true, true, false, false, false} {
		require.Equal(t, want, jobs[i] != nil, "%d", i)
		if want {
			require.Equal(t, ids[i], jobs[i].JobID)
			require.Equal(t, group[i].Claim, jobs[i].Claim)
			require.Equal(t, group[i].Claim, b.row(ids[i]).Claim)
			require.Equal(t, 1, b.row(ids[i]).Attempt)
		}
	}
	for i, want := range map[int]Answer{2: Sibling, 3: NotDue, 4: Done} {
		job, refusal, err := b.Claim(t.Context(), group[i])
		require.NoError(t, err)
		require.Nil(t, job)
		require.Equal(t, want, refusal.Answer)
	}
}

func TestRunsAreFoldedTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	accounts := []Account{b.active("first"), b.active("second"), b.active("third")}
	_, probe := b.pending("fourth")
	var runs []string
	for _, account := range accounts {
		runs = append(runs, b.manual(account, syncjob.Balances).ID)
	}
	b.commit(b.claim(b.jobOf(runs[0], syncjob.Balances)), succeeded())
	b.commit(b.claim(b.jobOf(runs[1], syncjob.Balances)), failed(syncjob.Internal))
	unknown := uuid.NewString()
	_, err := b.CommitProbe(t.Context(), b.claim(b.jobOf(probe.ID, syncjob.Probe)), succeeded(), &KeyFacts{UID: "44"})
	require.NoError(t, err)

	folded, left, err := b.FoldGroup(t.Context(), append(runs, probe.ID, unknown))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{probe.ID, unknown}, left)
	require.Len(t, folded, 2)
	by := map[string]Run{}
	for _, run := range folded {
		by[run.ID] = run
	}
	require.Equal(t, syncjob.RunSucceeded, by[runs[0]].Status)
	require.Equal(t, 1, by[runs[0]].Succeeded)
	require.Equal(t, "first", by[runs[0]].Account)
	require.NotNil(t, by[runs[0]].FinishedAt)
	require.Equal(t, syncjob.RunFailed, by[runs[1]].Status)
	require.Equal(t, 1, by[runs[1]].Failed)
	third, err := b.Run(t.Context(), runs[2])
	require.NoError(t, err)
	require.Equal(t, syncjob.RunRunning, third.Status, "its job is open")

	again, left, err := b.FoldGroup(t.Context(), runs[:2])
	require.NoError(t, err)
	require.Empty(t, again)
	require.Empty(t, left)
}

// What a run has come to is counted before it is locked. Who has the lock meanwhile may
// make it larger, let it grow again or end it: then it is not what was counted.
func TestRule18ARunThatChangesAfterItWasCountedIsNotFolded(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"larger": `WITH job AS (
    INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, next_at)
    SELECT id, account_id, 'orders', 'live', trigger, 'bybit-testnet-orders-live', 3, clock_timestamp()
    FROM alphapulse.sync_runs WHERE id = $1)
UPDATE alphapulse.sync_runs SET jobs_total = jobs_total + 1 WHERE id = $1`,
		"growing": `UPDATE alphapulse.sync_runs SET growing = true WHERE id = $1`,
		"ended": `UPDATE alphapulse.sync_runs SET status = 'succeeded', finished_at = clock_timestamp(), jobs_succeeded = jobs_total
WHERE id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			run := b.manual(b.active("main"), syncjob.Balances)
			b.commit(b.claim(b.jobOf(run.ID, syncjob.Balances)), succeeded())
			folded, waited := while(b, func(ctx context.Context, tx pgx.Tx) {
				_, err := tx.Exec(ctx, change, run.ID)
				require.NoError(t, err)
			}, func() ([]Run, error) {
				folded, left, err := b.FoldGroup(t.Context(), []string{run.ID})
				require.Empty(t, left)
				return folded, err
			})
			require.True(t, waited)
			require.Empty(t, folded)
			var noted int
			require.NoError(t, b.db.QueryRow(t.Context(), `SELECT count(*) FROM alphapulse.run_outbox WHERE $1 = ANY (run_ids)`, run.ID).Scan(&noted))
			require.Zero(t, noted, "what has not ended is not announced")
		})
	}
}

// A follower starts when the run before it ends, and not when that was only tried.
func TestAFollowerWaitsForARunThatIsNotFoldedAfterAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.Balances)
	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	follower := b.manual(account, syncjob.Balances)
	b.commit(job, succeeded())
	_, waited := while(b, func(ctx context.Context, tx pgx.Tx) {
		_, err := tx.Exec(ctx, `UPDATE alphapulse.sync_runs SET growing = true WHERE id = $1`, run.ID)
		require.NoError(t, err)
	}, func() ([]Run, error) {
		folded, _, err := b.FoldGroup(t.Context(), []string{run.ID})
		return folded, err
	})
	require.True(t, waited)
	held, err := b.Run(t.Context(), follower.ID)
	require.NoError(t, err)
	require.Nil(t, held.StartedAt)
	b.exec(`UPDATE alphapulse.sync_runs SET growing = false`)
	folded, _, err := b.FoldGroup(t.Context(), []string{run.ID})
	require.NoError(t, err)
	require.Len(t, folded, 1)
	held, err = b.Run(t.Context(), follower.ID)
	require.NoError(t, err)
	require.NotNil(t, held.StartedAt)
}

// A run of many jobs is not counted as long as one of them is open.
func TestALongRunIsCountedWhenItIsOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	b.exec(fmt.Sprintf(`
INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, status, finished_at, rows_changed)
SELECT id, account_id, 'fills', 'backfill', trigger, 'bybit-testnet-fills-backfill', 3, 'succeeded', clock_timestamp(), 2
FROM alphapulse.sync_runs, generate_series(1, %d) WHERE id = '%s'`, fewJobs, run.ID))
	b.exec(fmt.Sprintf(`UPDATE alphapulse.sync_runs SET jobs_total = jobs_total + %d`, fewJobs))
	runs, err := b.counted(t.Context(), []string{run.ID})
	require.NoError(t, err)
	require.Empty(t, runs[0].statuses, "one is open")
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Balances)), failed(syncjob.Internal))
	folded, _, err := b.FoldGroup(t.Context(), []string{run.ID})
	require.NoError(t, err)
	require.Len(t, folded, 1)
	require.Equal(t, syncjob.RunPartial, folded[0].Status)
	require.Equal(t, fewJobs, folded[0].Succeeded)
	require.Equal(t, 1, folded[0].Failed)
	require.Equal(t, int64(2*fewJobs), folded[0].Changed)
	stored, err := b.Run(t.Context(), run.ID)
	require.NoError(t, err)
	folded[0].outbox = 0
	require.Equal(t, stored, folded[0], "it is given as it is stored")
}

// The results of a long run are many, and only the last one of them folds it: the
// others wait for nobody who has the run.
func TestAFoldWaitsForNoRunThatIsNotOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances, syncjob.Orders)
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Balances)), succeeded())
	locked := func(ctx context.Context, tx pgx.Tx) {
		_, err := tx.Exec(ctx, `SELECT FROM alphapulse.sync_runs WHERE id = $1 FOR UPDATE`, run.ID)
		require.NoError(t, err)
	}
	fold := func() ([]Run, error) {
		folded, left, err := b.FoldGroup(t.Context(), []string{run.ID})
		require.Empty(t, left)
		return folded, err
	}
	folded, waited := while(b, locked, fold)
	require.Empty(t, folded)
	require.False(t, waited, "it is not over")

	b.commit(b.claim(b.jobOf(run.ID, syncjob.Orders)), succeeded())
	folded, waited = while(b, locked, fold)
	require.Len(t, folded, 1)
	require.True(t, waited)
}
