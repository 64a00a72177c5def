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

func (b bundle) running(account Account) (*Claimed, Holding) {
	b.t.Helper()
	job := b.claim(b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances))
	return job, Holding{JobID: job.JobID, Claim: job.Claim}
}

func TestRule16HeartbeatsExtendTheLeaseOfTheirClaim(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, held := b.running(b.active("main"))
	b.expireLease(held.JobID)
	stranger := Holding{JobID: held.JobID, Claim: uuid.NewString()}
	extended, err := b.Extend(t.Context(), []Holding{stranger})
	require.NoError(t, err)
	require.Empty(t, extended)
	extended, err = b.Extend(t.Context(), []Holding{stranger, held, {JobID: uuid.NewString(), Claim: uuid.NewString()}})
	require.NoError(t, err)
	require.Equal(t, []string{held.JobID}, extended)
	require.Greater(t, time.Until(*b.row(held.JobID).LeaseUntil), 8*time.Second)
	extended, err = b.Extend(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, extended)
}

func TestRule16HeartbeatsNeverPassTheTimeout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, held := b.running(b.active("main"))
	b.exec(`UPDATE alphapulse.sync_jobs SET lease_until = clock_timestamp(),
timeout_at = clock_timestamp() + interval '4 seconds' WHERE id = $1`, held.JobID)
	extended, err := b.Extend(t.Context(), []Holding{held})
	require.NoError(t, err)
	require.Len(t, extended, 1)
	job := b.row(held.JobID)
	require.Equal(t, *job.TimeoutAt, *job.LeaseUntil)
	extended, err = b.Extend(t.Context(), []Holding{held})
	require.NoError(t, err)
	require.Empty(t, extended, "there is nothing left to extend, and the caller must know")
}

func TestRule16ACommittingJobIsLeftOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	job, held := b.running(b.active("main"))
	_, other := b.running(b.active("other"))
	_, err := b.Commit(t.Context(), job, succeeded(), func(context.Context, pgx.Tx) (Written, error) {
		extended, err := b.Extend(t.Context(), []Holding{held, other}) // from another connection
		require.NoError(t, err)
		require.Equal(t, []string{other.JobID}, extended)
		ended, err := b.Standing(t.Context(), []Holding{held, other})
		require.NoError(t, err)
		require.Empty(t, ended, "a missing id proves nothing")
		taken, err := b.TakeBackLost(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, taken)
		return Written{}, nil
	})
	require.NoError(t, err)
	ended, err := b.Standing(t.Context(), []Holding{held, other, {JobID: uuid.NewString(), Claim: held.Claim}})
	require.NoError(t, err)
	require.Len(t, ended, 2)
	require.Equal(t, syncjob.Succeeded, ended[held.JobID])
}

// The lease ended and the sweep ran while a commit was under way: the row's
// lock protects it.
func TestALostLeaseIsNotTakenFromACommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	job, held := b.running(b.active("main"))
	b.expireLease(held.JobID)
	settled, err := b.Commit(t.Context(), job, succeeded(), func(context.Context, pgx.Tx) (Written, error) {
		taken, err := b.TakeBackLost(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, taken)
		return Written{}, nil
	})
	require.NoError(t, err)
	require.True(t, settled.Applied)
}

func TestRule17AReleaseIsNotCountedThreeTimes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	id := b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances)
	for i, want := range []int{0, 0, 0, 1, 2, 3} {
		job := b.claim(id)
		ok, err := b.Release(t.Context(), Holding{JobID: id, Claim: job.Claim})
		require.NoError(t, err)
		require.True(t, ok)
		got := b.row(id)
		require.Equal(t, syncjob.Queued, got.Status)
		require.Equal(t, want, got.Attempt, "release %d", i+1)
		ok, err = b.Release(t.Context(), Holding{JobID: id, Claim: job.Claim})
		require.NoError(t, err)
		require.False(t, ok)
	}
	require.Equal(t, ExhaustedAnswer, b.refused(id).Answer)
}

func TestRule03OnlyItsClaimReleasesAJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, held := b.running(b.active("main"))
	released, err := b.Release(t.Context(), Holding{JobID: held.JobID, Claim: uuid.NewString()})
	require.NoError(t, err)
	require.False(t, released)
	require.Equal(t, syncjob.Running, b.row(held.JobID).Status)
}
