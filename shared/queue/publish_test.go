package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestPublishJobsTellsWhereEachIs(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	published := publish(t, q, jobs(balances, 1, 1000)...)
	info, err := raw(t, server).Stream(within(t, patience), queue.JobsStream)
	require.NoError(t, err)
	created := info.CachedInfo().Created.UTC().Truncate(time.Microsecond)
	for i, p := range published {
		require.EqualValues(t, i+1, p.Seq)
		require.False(t, p.Duplicate)
		require.True(t, created.Equal(p.StreamCreated), "cut to what a timestamptz keeps")
	}
	require.Empty(t, q.PublishJobs(within(t, patience), nil))
}

// The window absorbs a publish whose answer was lost, and never a retry.
func TestPublishedTwiceIsADuplicateAndRepublishedIsNot(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	first := job(balances, 1)
	placed := publish(t, q, first)[0]

	again := publish(t, q, first)[0]
	require.True(t, again.Duplicate)
	require.Equal(t, placed.Seq, again.Seq)
	require.Equal(t, placed.StreamCreated, again.StreamCreated)

	first.Publishes++
	republished := publish(t, q, first)[0]
	require.False(t, republished.Duplicate)
	require.Equal(t, placed.Seq+1, republished.Seq)
}

func TestPublishedTwiceAcrossARestartIsADuplicate(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	placed := publish(t, q, job(balances, 1))[0]
	server.Restart()
	require.NoError(t, q.Await(within(t, patience)))
	again := publish(t, q, job(balances, 1))[0]
	require.True(t, again.Duplicate)
	require.Equal(t, placed.StreamCreated, again.StreamCreated, "a restart keeps the stream")
}

func TestPublishNoticesAStreamThatWasReplaced(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	old := publish(t, q, job(balances, 1))[0]

	js := raw(t, server)
	require.NoError(t, js.DeleteStream(within(t, patience), queue.JobsStream))
	refused := q.PublishJobs(within(t, patience), jobs(balances, 2, 2))[0]
	require.ErrorIs(t, refused.Err, queue.ErrRefused, "nobody stored it")
	require.ErrorIs(t, refused.Err, queue.ErrStreamMissing)

	_, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	fresh := publish(t, q, job(balances, 3))[0]
	require.EqualValues(t, 1, fresh.Seq)
	require.True(t, fresh.StreamCreated.After(old.StreamCreated))
}

// The answers of a batch during which the stream is replaced carry sequences of
// one stream or the other; none may be stored with the wrong creation time.
func TestPublishTakesBackSequencesOfAReplacedStream(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	publish(t, q, job(balances, 1)) // q has seen the first stream now

	require.NoError(t, raw(t, server).DeleteStream(within(t, patience), queue.JobsStream))
	other := server.Queue() // another process makes it again
	batch := q.PublishJobs(within(t, patience), jobs(balances, 2, 4))
	for _, p := range batch {
		require.ErrorIs(t, p.Err, queue.ErrUnknownOutcome)
		require.Zero(t, p.Seq)
		require.True(t, p.StreamCreated.IsZero())
	}
	again := publish(t, q, jobs(balances, 2, 4)...) // the same ids are safe
	theirs := publish(t, other, job(balances, 5))[0]
	for _, p := range again {
		require.True(t, p.Duplicate)
		require.Equal(t, theirs.StreamCreated, p.StreamCreated)
	}
}

func TestPublishIntoAFullStreamIsACertainRefusal(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	cfg := server.Config()
	cfg.Limits.JobsBytes = 4096
	q := server.Connect(cfg)
	_, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)

	published := q.PublishJobs(within(t, patience), jobs(balances, 1, 50))
	require.NoError(t, published[0].Err)
	last := published[49]
	require.ErrorIs(t, last.Err, queue.ErrRefused)
	require.ErrorIs(t, last.Err, queue.ErrStreamFull)
	require.Zero(t, last.Seq)
	info, err := raw(t, server).Stream(within(t, patience), queue.JobsStream)
	require.NoError(t, err)
	stored := 0
	for _, p := range published {
		if p.Err == nil {
			stored++
		}
	}
	require.EqualValues(t, stored, info.CachedInfo().State.Msgs, "the oldest is never evicted for the newest")
}

func TestPublishWithoutABrokerFailsAtOnce(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	publish(t, q, job(balances, 1))
	server.Stop()
	eventually(t, "the loss is noticed", func() bool { return q.Ready(within(t, patience)) != nil })

	start := time.Now()
	p := q.PublishJobs(within(t, patience), jobs(balances, 2, 2))[0]
	require.ErrorIs(t, p.Err, queue.ErrRefused, "nothing is buffered, so it is certain")
	require.ErrorIs(t, p.Err, queue.ErrUnreachable)
	require.Less(t, time.Since(start), 3*time.Second)
	require.ErrorIs(t, q.PublishResult(within(t, patience), result(2)), queue.ErrUnreachable)

	server.Start()
	require.NoError(t, q.Await(within(t, patience)))
	require.EqualValues(t, 2, publish(t, q, job(balances, 2))[0].Seq, "the refused one did not arrive after all")
}

func TestPublishAfterTheCallerHasGone(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	publish(t, q, job(balances, 1))
	ctx, cancel := context.WithCancel(within(t, patience))
	cancel()
	p := q.PublishJobs(ctx, jobs(balances, 2, 2))[0]
	require.ErrorIs(t, p.Err, queue.ErrRefused, "it was not sent")
	require.ErrorIs(t, p.Err, context.Canceled)
}

func TestPublishRefusesBadJobsAlone(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	for name, spoil := range map[string]func(*queue.JobMessage){
		"no job id":     func(m *queue.JobMessage) { m.JobID = "" },
		"no run id":     func(m *queue.JobMessage) { m.RunID = "" },
		"no subject":    func(m *queue.JobMessage) { m.Subject.ID = "" },
		"no kind":       func(m *queue.JobMessage) { m.Subject.Kind = "" },
		"no publishes":  func(m *queue.JobMessage) { m.Publishes = 0 },
		"no expiry":     func(m *queue.JobMessage) { m.ExpiresAt = time.Time{} },
		"wild exchange": func(m *queue.JobMessage) { m.Exchange = "*" },
		"no lane":       func(m *queue.JobMessage) { m.Lane = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := job(balances, 1)
			spoil(&bad)
			published := q.PublishJobs(within(t, patience), []queue.JobMessage{bad, job(balances, 2)})
			require.ErrorIs(t, published[0].Err, queue.ErrInvalid)
			require.NoError(t, published[1].Err)
		})
	}
}

// raw is a JetStream client that does what this package would not.
func raw(t *testing.T, server *queuetest.Server) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(dial(t, server))
	require.NoError(t, err)
	return js
}
