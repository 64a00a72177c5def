package ledger

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// store is a Write that stores one balance of an account.
func store(account string, job *Claimed) Write {
	return func(ctx context.Context, tx pgx.Tx) (Written, error) {
		_, err := tx.Exec(ctx, `
INSERT INTO alphapulse.balances (account_id, wallet, asset, total, run_id, as_of, observed_at)
VALUES ($1, 'unified', 'BTC', 1, $2, clock_timestamp(), clock_timestamp())
ON CONFLICT (account_id, wallet, asset) DO UPDATE SET run_id = excluded.run_id`, account, job.RunID)
		return Written{Changed: 1}, err
	}
}

func TestRule04OutcomeAndRowsCommitTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.Balances)
	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	settled, err := b.Commit(t.Context(), job, succeeded(), store(account.ID, job))
	require.NoError(t, err)
	require.Equal(t, Settled{Holds: true, Applied: true, Status: syncjob.Succeeded, Written: Written{Changed: 1}}, settled)
	got := b.row(job.JobID)
	require.Equal(t, syncjob.Succeeded, got.Status)
	require.Equal(t, int64(1), got.RowsChanged)
	require.NotNil(t, got.FinishedAt)
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.balances`))
	folded := b.fold(run.ID)
	require.Equal(t, syncjob.RunSucceeded, folded.Status)
	require.Equal(t, int64(1), folded.Changed)
}

func TestRule03AClaimThatWasTakenOverWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.Balances)
	id := b.jobOf(run.ID, syncjob.Balances)
	first := b.claim(id)
	b.expireLease(id)
	_, err := b.TakeBackLost(t.Context(), 10)
	require.NoError(t, err)

	settled, err := b.Commit(t.Context(), first, succeeded(), store(account.ID, first))
	require.NoError(t, err)
	require.True(t, settled.Holds, "nobody else has it yet: its own message may be acked")
	require.False(t, settled.Applied)

	second := b.claim(id)
	settled, err = b.Commit(t.Context(), first, succeeded(), store(account.ID, first))
	require.NoError(t, err)
	require.Equal(t, Settled{Status: syncjob.Running}, settled, "neither ack nor nak")
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.balances`))
	require.Equal(t, second.Claim, b.row(id).Claim)
	require.True(t, b.commit(second, succeeded()).Applied)
}

func TestRule04ACancelledOrPrunedJobIsToldApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.Balances)
	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	require.NoError(t, b.EndRun(t.Context(), run.ID, syncjob.CancelUser))
	settled, err := b.Commit(t.Context(), job, succeeded(), store(account.ID, job))
	require.NoError(t, err)
	require.Equal(t, Settled{Holds: true, Status: syncjob.Cancelled}, settled)
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.balances`))

	b.exec(`DELETE FROM alphapulse.sync_runs WHERE id = $1`, run.ID)
	require.Equal(t, Settled{}, b.commit(job, succeeded()))
}

func TestTheWriteRunsAgainAfterADeadlock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	tries := 0
	settled, err := b.Commit(t.Context(), job, succeeded(), func(context.Context, pgx.Tx) (Written, error) {
		if tries++; tries < 3 {
			return Written{Changed: 99}, &pgconn.PgError{Code: "40P01"}
		}
		return Written{Changed: 1}, nil
	})
	require.NoError(t, err)
	require.Equal(t, Written{Changed: 1}, settled.Written)
	require.Equal(t, int64(1), b.row(job.JobID).RowsChanged)
}

// An outcome that finds no connection is tried again while somebody else may
// give one back: what was read is kept.
func TestACommitWaitsForAConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.Balances)
	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	narrow := b.test.Open(t, func(c *postgres.Config) {
		c.MaxConns, c.AcquireTimeout, c.HealthCheckPeriod = 1, 20*time.Millisecond, time.Hour
	})
	var held *postgres.Conn
	require.Eventually(t, func() bool { // the pool has to connect first, for which its patience is short
		var err error
		held, err = narrow.Acquire(t.Context(), "somebody else")
		return err == nil
	}, 20*time.Second, time.Millisecond)
	exhausted := narrow.Stats().Exhausted
	released := make(chan struct{})
	go func() {
		defer close(released)
		for narrow.Stats().Exhausted < exhausted+3 {
			<-time.After(time.Millisecond)
		}
		held.Release()
	}()
	settled, err := New(narrow, Settings{}).Commit(t.Context(), job, succeeded(), store(account.ID, job))
	require.NoError(t, err)
	require.True(t, settled.Applied)
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.balances`))
	<-released
}

func TestAFailedWriteLeavesTheJobToItsClaim(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	broken := errors.New("no such column")
	_, err := b.Commit(t.Context(), job, succeeded(), func(context.Context, pgx.Tx) (Written, error) {
		return Written{}, broken
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, syncjob.Running, b.row(job.JobID).Status)
	require.True(t, b.commit(job, failed(syncjob.Database)).Applied, "and it can still say so")
}

func TestTransitionsOfARunningJob(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		out     Outcome
		attempt int
		tries   int // rows of sync_attempts
	}{
		"succeeded":         {succeeded(), 1, 0},
		"partial":           {Outcome{Status: syncjob.Partial, Class: syncjob.Permission, Message: "spot"}, 1, 0},
		"failed":            {failed(syncjob.Decode), 1, 1},
		"dead":              {Outcome{Status: syncjob.Dead, Class: syncjob.Transient, Message: "x"}, 1, 1},
		"skipped":           {Outcome{Status: syncjob.Skipped}, 1, 0},
		"retry, counted":    {retry(syncjob.Transient), 1, 1},
		"retry, uncounted":  {retry(syncjob.RateLimited), 0, 1},
		"superseded, waits": {Outcome{Status: syncjob.Waiting, Wait: syncjob.WaitSuperseded}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			run := b.manual(b.active("main"), syncjob.Balances)
			job := b.claim(b.jobOf(run.ID, syncjob.Balances))
			require.True(t, b.commit(job, test.out).Applied)
			got := b.row(job.JobID)
			require.Equal(t, test.out.Status, got.Status)
			require.Equal(t, string(test.out.Wait), got.WaitReason)
			require.Equal(t, string(test.out.Class), got.ErrorClass)
			require.Equal(t, test.attempt, got.Attempt)
			require.Equal(t, test.out.Status.Open(), got.FinishedAt == nil)
			require.Equal(t, test.out.Status == syncjob.Waiting, got.NextAt != nil)
			require.Equal(t, test.tries, b.count(`SELECT count(*) FROM alphapulse.sync_attempts`))
		})
	}
}

// Whatever may touch a job is tried on every terminal state.
func TestATerminalJobNeverChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	for _, status := range syncjob.Statuses() {
		if status.Open() {
			continue
		}
		run := b.manual(account, syncjob.Balances)
		job := b.claim(b.jobOf(run.ID, syncjob.Balances))
		b.exec(`UPDATE alphapulse.sync_jobs SET status = $2, finished_at = clock_timestamp(),
lease_until = clock_timestamp() - interval '1 minute', published_at = published_at - interval '1 minute' WHERE id = $1`,
			job.JobID, string(status))
		before := b.row(job.JobID)
		b.tryEverything(job)
		require.Equal(t, before, b.row(job.JobID), "%s", status)
		b.fold(run.ID)
		require.Equal(t, before, b.row(job.JobID), "%s", status)
	}
}

func (b bundle) tryEverything(job *Claimed) {
	b.t.Helper()
	must := func(err error) { require.NoError(b.t, err) }
	held := []Holding{{JobID: job.JobID, Claim: job.Claim}}
	for _, out := range []Outcome{succeeded(), failed(syncjob.Auth), retry(syncjob.Transient)} {
		require.False(b.t, b.commit(job, out).Applied)
	}
	require.Equal(b.t, Done, b.refused(job.JobID).Answer)
	extended, err := b.Extend(b.ctx(), held)
	must(err)
	require.Empty(b.t, extended)
	released, err := b.Release(b.ctx(), held[0])
	must(err)
	require.False(b.t, released)
	_, err = b.TakeBackLost(b.ctx(), 10)
	must(err)
	_, err = b.RepublishUnconfirmed(b.ctx(), 10)
	must(err)
	_, err = b.Republish(b.ctx(), []Published{{JobID: job.JobID, Publishes: b.row(job.JobID).Publishes}})
	must(err)
	must(b.Confirm(b.ctx(), []Receipt{{JobID: job.JobID, Publishes: b.row(job.JobID).Publishes, Seq: 1}}))
	must(b.EndRun(b.ctx(), job.RunID, syncjob.CancelUser))
}

func TestInsteadReplacesTheOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	newer := Outcome{Status: syncjob.Waiting, Wait: syncjob.WaitSuperseded, After: time.Minute}
	settled, err := b.Commit(t.Context(), job, succeeded(), func(context.Context, pgx.Tx) (Written, error) {
		return Written{Instead: &newer}, nil
	})
	require.NoError(t, err)
	require.Equal(t, syncjob.Waiting, settled.Status)
	got := b.row(job.JobID)
	require.Equal(t, syncjob.Waiting, got.Status)
	require.Equal(t, "superseded", got.WaitReason)
	require.Zero(t, got.Attempt, "not counted")
	require.Nil(t, got.FinishedAt)
	require.Nil(t, got.AsOf, "nothing was stored")
	require.Equal(t, 1, b.count(`SELECT superseded_in_row FROM alphapulse.sync_state WHERE data_type = 'balances'`))
}

// An attempt that stores some scopes and waits for the others is taken off the
// count once, and what it stored stays counted.
func TestAnUncountedAttemptThatStoredRowsIsUncountedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.manual(account, syncjob.Balances)
	id := b.jobOf(run.ID, syncjob.Balances)
	out := retry(syncjob.RateLimited)
	out.AsOf = time.Now()
	for range 2 {
		job := b.claim(id)
		require.Equal(t, 1, job.Attempt)
		_, err := b.Commit(t.Context(), job, out, store(account.ID, job))
		require.NoError(t, err)
	}
	require.True(t, b.commit(b.claim(id), failed(syncjob.Decode)).Applied)
	got := b.row(id)
	require.Equal(t, int64(2), got.RowsChanged)
	require.WithinDuration(t, out.AsOf, *got.AsOf, time.Millisecond)
}

func TestAnUnknownClaimIsFenced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.manual(b.active("main"), syncjob.Balances)
	job := b.claim(b.jobOf(run.ID, syncjob.Balances))
	forged := *job
	forged.Claim = uuid.NewString()
	require.False(t, b.commit(&forged, succeeded()).Holds)
	require.Equal(t, syncjob.Running, b.row(job.JobID).Status)
}

// A job that lost its claim runs no statement of its rows: they might wait for
// locks, for nothing.
func TestRule04TheOutcomeComesBeforeTheRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	job := b.claim(b.planned(b.active("main"), syncjob.Balances))
	lost := *job
	lost.Claim = uuid.NewString()
	wrote := 0
	write := func(context.Context, pgx.Tx) (Written, error) {
		wrote++
		return Written{}, nil
	}
	settled, err := b.Commit(t.Context(), &lost, succeeded(), write)
	require.NoError(t, err)
	require.False(t, settled.Holds)
	require.Zero(t, wrote)
	_, err = b.Commit(t.Context(), job, succeeded(), write)
	require.NoError(t, err)
	require.Equal(t, 1, wrote)
}

// An unchanged snapshot is the rule. Its job's row is written once by the commit.
func TestAnUnchangedJobIsWrittenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.exec(`CREATE TABLE alphapulse.updates (job_id uuid)`)
	b.exec(`CREATE FUNCTION alphapulse.note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO alphapulse.updates VALUES (NEW.id); RETURN NULL; END $$`)
	b.exec(`CREATE TRIGGER note AFTER UPDATE ON alphapulse.sync_jobs FOR EACH ROW WHEN (NEW.status = 'succeeded')
EXECUTE FUNCTION alphapulse.note()`)
	for changed, want := range map[int64]int{0: 1, 1: 2} {
		job := b.claim(b.planned(account, syncjob.Balances))
		_, err := b.Commit(t.Context(), job, succeeded(), func(context.Context, pgx.Tx) (Written, error) {
			return Written{Changed: changed}, nil
		})
		require.NoError(t, err)
		require.Equal(t, want, b.count(`SELECT count(*) FROM alphapulse.updates WHERE job_id = $1`, job.JobID))
	}
}
