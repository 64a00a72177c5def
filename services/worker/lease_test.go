package worker

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// held is a claim without a database, and the context of its attempt.
func held(t *testing.T, stuck func(string)) (*leases, *lease, context.Context) {
	t.Helper()
	s := newLeases(ledger.New(nil, ledger.Settings{}), stuck, queuetest.Discard())
	ctx, l := s.hold(t.Context(), &ledger.Claimed{JobID: "job", Claim: "claim"}, queue.Delivery{}, time.Now(), queuetest.Discard())
	return s, l, ctx
}

func TestRule16ALeaseThatCannotBeExtendedIsGivenUp(t *testing.T) {
	t.Parallel()
	s, l, ctx := held(t, nil)
	l.extended = time.Now().Add(-7 * time.Second)
	s.giveUpUnsure()
	require.NoError(t, ctx.Err(), "there is time left")
	l.extended = time.Now().Add(-8500 * time.Millisecond)
	s.giveUpUnsure()
	require.ErrorIs(t, context.Cause(ctx), errUnsure, "two seconds before the lease of ten ends")
}

func TestRule16ACommittingAttemptIsLeftAlone(t *testing.T) {
	t.Parallel()
	s, l, ctx := held(t, nil)
	require.Len(t, s.beating(), 1)
	s.committing(l)
	require.Empty(t, s.beating(), "the row's lock protects it")
	l.extended = time.Now().Add(-time.Minute)
	s.giveUpUnsure()
	require.NoError(t, ctx.Err())
}

func TestRule16ASlotThatIgnoresItsCancellationEndsTheProcess(t *testing.T) {
	t.Parallel()
	var stuck []string
	s, l, _ := held(t, func(what string) { stuck = append(stuck, what) })
	s.reportStuck()
	s.cancelled(l, errTimeUp)
	l.ended = time.Now().Add(-29 * time.Second)
	s.reportStuck()
	require.Empty(t, stuck)
	l.ended = time.Now().Add(-31 * time.Second)
	s.reportStuck()
	require.Len(t, stuck, 1)
}

// beaten has two claims, the row of the second locked by somebody else while the
// heartbeat goes out: its lease is not extended, and that proves nothing.
func beaten(t *testing.T) (p *post, second context.Context) {
	t.Helper()
	p = newPost(t, nil)
	var contexts []context.Context
	var locked string
	for i := range 2 {
		d := p.deliver()
		job := p.claimDelivered(d)
		ctx, _ := p.worker.leases.hold(t.Context(), job, d, time.Now(), queuetest.Discard())
		contexts, locked = append(contexts, ctx), job.JobID
		if i == 0 { // one of a type runs at a time
			p.exec(`UPDATE alphapulse.sync_jobs SET data_type = 'instruments' WHERE id = $1`, job.JobID)
		}
	}
	require.NoError(t, p.db.InTx(t.Context(), "hold", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM alphapulse.sync_jobs WHERE id = $1 FOR UPDATE`, locked)
		require.NoError(t, err)
		p.worker.leases.beat(t.Context())
		return nil
	}))
	return p, contexts[1]
}

func (b *bench) claimDelivered(d queue.Delivery) *ledger.Claimed {
	b.t.Helper()
	job, refusal, err := b.ledger.Claim(b.t.Context(), ledger.ClaimRequest{
		JobID: d.Job.JobID, Claim: d.Job.JobID, Owner: "test", Publishes: d.Job.Publishes,
	})
	require.NoError(b.t, err)
	require.NotNil(b.t, job, "%+v", refusal)
	return job
}

func TestRule16TheBrokerIsToldOnlyOfLeasesThatWereExtended(t *testing.T) {
	t.Parallel()
	p, _ := beaten(t)
	require.Equal(t, []string{"+WPI"}, p.says())
}

func TestRule16AMissingAnswerCancelsNothing(t *testing.T) {
	t.Parallel()
	_, second := beaten(t)
	require.NoError(t, second.Err(), "its row was locked for a moment")
}

func TestRule16AJobThatWasTakenIsCancelled(t *testing.T) {
	t.Parallel()
	p := newPost(t, nil)
	d := p.deliver()
	ctx, _ := p.worker.leases.hold(t.Context(), p.claimDelivered(d), d, time.Now(), queuetest.Discard())
	p.takeOver(d.Job.JobID)
	p.worker.leases.beat(t.Context())
	require.ErrorIs(t, context.Cause(ctx), errTaken)
}
