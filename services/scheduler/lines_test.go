package scheduler

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
)

// TestLongQueueIsNotALostOne: a thousand jobs wait and nobody works. However often
// the sweep looks, none is published twice.
func TestLongQueueIsNotALostOne(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, hook := f.scheduler(Config{Batch: 100})
	f.manual(f.accounts(1000))
	f.settle(s)
	require.Equal(t, 1000, f.count(inStream))
	for range 5 {
		_, err := s.lining.step(t.Context())
		require.NoError(t, err)
		_, err = s.sweeping.step(t.Context())
		require.NoError(t, err)
		f.settle(s)
	}
	require.Equal(t, 1000, f.count(published, 1))
	require.Equal(t, 1000, f.pending())
	require.Empty(t, messagesOf(hook, "published again"))
}

// TestWipedStream: the broker has lost everything. Every queued job is published
// exactly once more.
func TestWipedStream(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{Batch: 50})
	f.manual(f.accounts(500))
	f.start(s)
	f.await("jobs in the stream", 500, inStream)
	f.broker.Wipe()
	// A receipt that a busy machine does not get in ten seconds is asked for again.
	const again = `SELECT count(*) FROM alphapulse.sync_jobs WHERE status = 'queued' AND publishes >= 2 AND stream_seq IS NOT NULL`
	f.await("jobs published again", 500, again)
	publishes := f.count(`SELECT sum(publishes) FROM alphapulse.sync_jobs`)
	for range 3 {
		_, err := s.lining.step(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, publishes, f.count(`SELECT sum(publishes) FROM alphapulse.sync_jobs`), "what is in line is left alone")
	require.GreaterOrEqual(t, f.pending(), 500)
	require.LessOrEqual(t, f.pending(), publishes-500, "no message but those that were published after the wipe")
}

// TestOlderStoreRestored: the broker came back with an older copy of its store.
// What it forgot is published again, what it kept is not.
func TestOlderStoreRestored(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	accounts := f.accounts(40)
	f.manual(accounts[:20])
	f.settle(s)
	older := f.broker.Save()
	f.reconnect()
	f.manual(accounts[20:])
	f.settle(s)
	f.broker.Restore(older)
	f.reconnect()
	_, err := s.lining.step(t.Context())
	require.NoError(t, err)
	f.settle(s)
	require.Equal(t, 20, f.count(published, 1))
	require.Equal(t, 20, f.count(published, 2))
	require.Equal(t, 40, f.pending())
}

// TestSettledMessageOfAQueuedJob: a message was acked and its job is still queued,
// which nothing should do. The job is published again.
func TestSettledMessageOfAQueuedJob(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	f.manual(f.accounts(2))
	f.settle(s)
	for _, d := range f.take(2) {
		require.NoError(t, d.Ack(t.Context()))
	}
	_, err := s.lining.step(t.Context())
	require.NoError(t, err)
	f.settle(s)
	require.Equal(t, 2, f.count(published, 2))
	require.Len(t, f.take(2), 2)
}

// TestDeliveredIsInLine: what a worker holds is not lost.
func TestDeliveredIsInLine(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	f.manual(f.accounts(3))
	f.settle(s)
	f.take(3)
	_, err := s.lining.step(t.Context())
	require.NoError(t, err)
	f.settle(s)
	require.Equal(t, 3, f.count(published, 1))
}

// TestDeletedConsumer: it is made again where the oldest open job is, so nothing
// has to be published again.
func TestDeletedConsumer(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	f.manual(f.accounts(20))
	f.settle(s)
	consumers, err := consumersOf(t.Context(), f.ledger)
	require.NoError(t, err)
	for _, deleted := range [][]queue.Consumer{{balances()}, consumers} {
		for _, c := range deleted {
			require.NoError(t, f.queue.DeleteConsumer(t.Context(), c))
		}
		_, err = s.lining.step(t.Context())
		require.NoError(t, err)
		require.Len(t, s.topology.wake, 1, "a missing consumer is reported at once")
		<-s.topology.wake
		f.settle(s)
		_, err = s.lining.step(t.Context())
		require.NoError(t, err)
		require.Equal(t, 20, f.count(published, 1))
		require.Equal(t, 20, f.pending())
	}
}

// TestSilentBroker: nothing is concluded while the broker is away, and what is
// due stays as it is.
func TestSilentBroker(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	accounts := f.accounts(4)
	f.manual(accounts[:2])
	f.settle(s)
	f.broker.Stop()
	f.manual(accounts[2:])
	for _, l := range []*loop{s.topology, s.publishing, s.lining} {
		_, err := l.step(t.Context())
		require.ErrorIs(t, err, queue.ErrUnreachable, l.name)
	}
	_, err := s.sweeping.step(t.Context())
	require.NoError(t, err, "leases and deadlines need no broker")
	require.Equal(t, 2, f.count(published, 0), "taking them would have been for nothing")
	require.Equal(t, 2, f.count(published, 1))
	f.broker.Start()
	f.reconnect()
	f.settle(s)
	require.Equal(t, 4, f.count(published, 1))
	require.Equal(t, 4, f.pending())
}

// TestAJobPublishedWhileTheSweepLooksIsNotLost: the sweep reads its rows before it
// asks the broker. The other way round, what is published in between would be
// beyond the end of the stream that it knows.
func TestAJobPublishedWhileTheSweepLooksIsNotLost(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	f.manual(f.accounts(1))
	_, err := s.topology.step(t.Context())
	require.NoError(t, err)
	due, err := f.ledger.TakeDue(t.Context(), 1)
	require.NoError(t, err)
	looked := make(chan error, 1)
	require.NoError(t, f.db.InTx(t.Context(), "hold", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `LOCK TABLE alphapulse.sync_jobs IN ACCESS EXCLUSIVE MODE`)
		require.NoError(t, err)
		lines := lineChecker{metrics: s.metrics, ledger: f.ledger, queue: f.queue, log: s.log, batch: 10, missing: func() {}, due: func() {}}
		go func() { looked <- lines.check(t.Context(), balances()) }()
		require.Eventually(t, func() bool {
			return f.count(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
				AND datname = current_database()`) == 1
		}, patience, 5*time.Millisecond)
		at := f.queue.PublishJobs(ctx, messages(due))[0]
		require.NoError(t, at.Err)
		_, err = tx.Exec(ctx, `UPDATE alphapulse.sync_jobs SET stream_seq = $2, stream_created = $3 WHERE id = $1`,
			due[0].JobID, int64(at.Seq), at.StreamCreated) //nolint:gosec // a test's sequence is small
		return err
	}))
	require.NoError(t, <-looked)
	require.Zero(t, f.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE next_at IS NOT NULL`), "it is in line")
	require.Equal(t, 1, f.count(published, 1))
}
