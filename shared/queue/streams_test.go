package queue_test

import (
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestEnsureStreamsMakesThem(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Connect(server.Config())
	changes, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	require.Equal(t, []queue.StreamChange{
		{Stream: queue.JobsStream, Action: queue.StreamCreated},
		{Stream: queue.ResultsStream, Action: queue.StreamCreated},
		{Stream: queue.EventsStream, Action: queue.StreamCreated},
		{Stream: queue.DeadStream, Action: queue.StreamCreated},
	}, changes)

	jobs := streamConfig(t, server, queue.JobsStream)
	require.Equal(t, []string{"sync.job.>"}, jobs.Subjects)
	require.Equal(t, jetstream.LimitsPolicy, jobs.Retention)
	require.Equal(t, jetstream.DiscardNew, jobs.Discard)
	require.Equal(t, jetstream.FileStorage, jobs.Storage)
	require.Equal(t, 7*24*time.Hour, jobs.MaxAge)
	require.Equal(t, 2*time.Minute, jobs.Duplicates)
	require.Equal(t, []string{"sync.run.>", "sync.data.>"}, streamConfig(t, server, queue.EventsStream).Subjects)

	changes, err = q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	for _, change := range changes {
		require.Equal(t, queue.StreamChange{Stream: change.Stream, Action: queue.StreamUnchanged}, change)
	}
}

func TestEnsureStreamsToleratesOthersDoingTheSame(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	var schedulers sync.WaitGroup
	for range 6 {
		q := server.Connect(server.Config())
		schedulers.Go(func() {
			for range 5 {
				_, err := q.EnsureStreams(within(t, patience))
				if !requireNoError(t, err) {
					return
				}
			}
		})
	}
	schedulers.Wait()
}

// requireNoError is require.NoError for goroutines that are not the test's own.
func requireNoError(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		t.Errorf("unexpected error: %v", err)
	}
	return err == nil
}

func TestEnsureStreamsBringsSettingsBack(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	publish(t, q, jobs(balances, 1, 10)...)
	js := raw(t, server)
	drifted := streamConfig(t, server, queue.JobsStream)
	drifted.MaxAge, drifted.Discard, drifted.Duplicates = time.Hour, jetstream.DiscardOld, time.Minute
	drifted.MaxMsgs = 12345 // an operator's own
	_, err := js.UpdateStream(within(t, patience), drifted)
	require.NoError(t, err)

	changes, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	require.Equal(t, queue.StreamUpdated, changes[0].Action)
	require.Len(t, changes[0].Updated, 3)
	is := streamConfig(t, server, queue.JobsStream)
	require.Equal(t, 7*24*time.Hour, is.MaxAge)
	require.Equal(t, jetstream.DiscardNew, is.Discard)
	require.Equal(t, queue.DuplicateWindow, is.Duplicates)
	require.EqualValues(t, 12345, is.MaxMsgs, "what we do not decide stays")
	require.EqualValues(t, 10, stored(t, server, queue.JobsStream))
}

func TestEnsureStreamsChangesNothingThatWouldLoseMessages(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	publish(t, server.Queue(), jobs(balances, 1, 50)...)
	cfg := server.Config()
	cfg.Limits.JobsBytes = 4096
	small := server.Connect(cfg)
	changes, err := small.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	require.Equal(t, queue.StreamUnchanged, changes[0].Action)
	require.Len(t, changes[0].Kept, 1)
	require.Contains(t, changes[0].Kept[0], "max bytes is 67108864, should be 4096")
	require.EqualValues(t, 50, stored(t, server, queue.JobsStream))
}

func TestEnsureStreamsNamesTheStorageThatIsMissing(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	cfg := server.Config()
	cfg.Limits.JobsBytes = 1 << 50
	_, err := server.Connect(cfg).EnsureStreams(within(t, patience))
	require.ErrorContains(t, err, "SYNC_JOBS")
	require.ErrorContains(t, err, "max_file_store")
	stored(t, server, queue.DeadStream) // the others were made all the same
}

func streamConfig(t *testing.T, server *queuetest.Server, name string) jetstream.StreamConfig {
	t.Helper()
	stream, err := raw(t, server).Stream(within(t, patience), name)
	require.NoError(t, err)
	return stream.CachedInfo().Config
}
