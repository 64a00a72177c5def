package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const consumer = "bybit-testnet-balances-live"

// inStream publishes what is due and confirms one job under a sequence.
func (b bundle) inStream(jobID string, seq uint64, created time.Time) Publication {
	b.t.Helper()
	p := b.publish()[jobID]
	require.NoError(b.t, b.Confirm(b.ctx(), []Receipt{{JobID: jobID, Publishes: p.Publishes, Seq: seq, Created: created}}))
	return p
}

func (b bundle) queuedBalances() string {
	b.t.Helper()
	return b.jobOf(b.manual(b.active("main"), syncjob.Balances).ID, syncjob.Balances)
}

func TestRule09TakingADueJobNumbersThePublication(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queuedBalances()
	p := b.inStream(id, 7, time.Now())
	require.Equal(t, 1, p.Publishes)
	require.Equal(t, "bybit", p.Exchange)
	require.Equal(t, "testnet", p.Environment)
	require.Equal(t, syncjob.Live, p.Lane)
	require.NotNil(t, p.ExpiresAt)
	require.Equal(t, int64(7), *b.row(id).StreamSeq)
	require.Empty(t, b.publish(), "once")

	b.commit(b.claim(id), retry(syncjob.Transient))
	p = b.publish()[id]
	require.Equal(t, 2, p.Publishes)
	got := b.row(id)
	require.Equal(t, syncjob.Queued, got.Status)
	require.Nil(t, got.StreamSeq)
	require.Nil(t, got.NextAt)
	require.Empty(t, got.WaitReason)
}

func TestRule09AStaleReceiptIsNotStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queuedBalances()
	old := b.publish()[id]
	b.commit(b.claim(id), retry(syncjob.Transient))
	stale := []Receipt{{JobID: id, Publishes: old.Publishes, Seq: 7, Created: time.Now()}}
	require.NoError(t, b.Confirm(t.Context(), stale))
	require.Nil(t, b.row(id).StreamSeq, "waiting")
	b.publish()
	require.NoError(t, b.Confirm(t.Context(), stale))
	require.Nil(t, b.row(id).StreamSeq, "published again")
}

func TestTwoPublishersNeverTakeTheSameJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(300)
	b.makeDue("0")
	_, err := b.PlanDue(t.Context(), syncjob.Account, 10_000)
	require.NoError(t, err)
	concurrently(t, 4, func(int) (int, error) {
		for {
			due, err := b.TakeDue(t.Context(), 50)
			if err != nil || len(due) == 0 {
				return 0, err
			}
		}
	})
	require.Equal(t, 300*perAccount, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE publishes = 1`))
}

func TestRule10AnUnconfirmedJobIsPublishedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queuedBalances()
	b.publish()
	n, err := b.RepublishUnconfirmed(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n, "not within 10 s")
	b.exec(`UPDATE alphapulse.sync_jobs SET published_at = published_at - interval '11 seconds' WHERE id = $1`, id)
	n, err = b.RepublishUnconfirmed(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, 2, b.publish()[id].Publishes)

	b.inStreamAgain(id, 9)
	b.exec(`UPDATE alphapulse.sync_jobs SET published_at = published_at - interval '11 seconds' WHERE id = $1`, id)
	n, err = b.RepublishUnconfirmed(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n, "it has a sequence")
}

func (b bundle) inStreamAgain(jobID string, seq uint64) {
	b.t.Helper()
	require.NoError(b.t, b.Confirm(b.ctx(),
		[]Receipt{{JobID: jobID, Publishes: b.row(jobID).Publishes, Seq: seq, Created: time.Now()}}))
}

func TestRule10OnlyTheLostPublicationIsRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queuedBalances()
	created := time.Now()
	b.inStream(id, 7, created)
	line, err := b.InLine(t.Context(), consumer, 10)
	require.NoError(t, err)
	require.Len(t, line, 1)
	require.Equal(t, uint64(7), line[0].Seq)

	n, err := b.Republish(t.Context(), line)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = b.Republish(t.Context(), line)
	require.NoError(t, err)
	require.Zero(t, n, "due already")
	require.Equal(t, 2, b.publish()[id].Publishes)
	n, err = b.Republish(t.Context(), line)
	require.NoError(t, err)
	require.Zero(t, n, "published again since")

	b.inStreamAgain(id, 8)
	line, err = b.InLine(t.Context(), consumer, 10)
	require.NoError(t, err)
	b.claim(id)
	n, err = b.Republish(t.Context(), line)
	require.NoError(t, err)
	require.Zero(t, n, "claimed since")
	line, err = b.InLine(t.Context(), consumer, 10)
	require.NoError(t, err)
	require.Empty(t, line)
}

func TestInLineLooksAtBothEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	var ids []string
	for range 6 {
		ids = append(ids, b.planned(account, syncjob.Balances))
	}
	taken := b.publish()
	for i, id := range ids {
		require.NoError(t, b.Confirm(t.Context(), []Receipt{{
			JobID: id, Publishes: taken[id].Publishes, Seq: uint64(i + 1), Created: time.Unix(1, 0),
		}}))
	}
	line, err := b.InLine(t.Context(), consumer, 2)
	require.NoError(t, err)
	var seqs []uint64
	for _, p := range line {
		seqs = append(seqs, p.Seq)
	}
	require.ElementsMatch(t, []uint64{1, 2, 5, 6}, seqs)
}

func TestRule12AConsumerStartsAtTheOldestOpenJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	created := time.Now()
	_, ok, err := b.OldestOpenSeq(t.Context(), consumer, created)
	require.NoError(t, err)
	require.False(t, ok)

	running := b.planned(account, syncjob.Balances)
	b.inStream(running, 5, created)
	b.claim(running)
	queued := b.planned(account, syncjob.Balances)
	b.inStream(queued, 9, created)
	seq, ok, err := b.OldestOpenSeq(t.Context(), consumer, created)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, uint64(5), seq)
	_, ok, err = b.OldestOpenSeq(t.Context(), consumer, created.Add(time.Second))
	require.NoError(t, err)
	require.False(t, ok, "another stream")
}

func TestNextDueIsTheTimeToTheNextJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	next := func() time.Duration {
		wait, _, err := b.NextDue(t.Context(), time.Time{}, time.Minute)
		require.NoError(t, err)
		return wait
	}
	require.Equal(t, time.Minute, next())
	id := b.planned(account, syncjob.Balances)
	require.Zero(t, next())
	job := b.claim(id)
	require.Equal(t, time.Minute, next())
	out := retry(syncjob.Transient)
	out.After = 20 * time.Second
	b.commit(job, out)
	require.InDelta(t, 20*time.Second, next(), float64(5*time.Second))
}
