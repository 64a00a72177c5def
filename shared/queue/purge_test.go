package queue_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// small is a queue whose stream is nearly full after a hundred and some jobs.
func small(t *testing.T) (*queuetest.Server, *queue.Queue) {
	t.Helper()
	return sized(t, 128<<10)
}

// sized is a queue with a stream of so many bytes.
func sized(t *testing.T, bytes int64) (*queuetest.Server, *queue.Queue) {
	t.Helper()
	server := queuetest.New(t)
	cfg := server.Config()
	cfg.Limits.JobsBytes = bytes
	q := server.Connect(cfg)
	_, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	return server, q
}

// fill publishes jobs of several consumers in turn until the stream needs a
// purge, and returns how many.
func fill(t *testing.T, q *queue.Queue, consumers ...queue.Consumer) int {
	t.Helper()
	for n := 0; n < 10_000; n++ {
		p := q.PublishJobs(within(t, patience), []queue.JobMessage{job(consumers[n%len(consumers)], n+1)})[0]
		if p.Err != nil {
			require.ErrorIs(t, p.Err, queue.ErrStreamFull)
			return n
		}
	}
	require.Fail(t, "the stream never filled")
	return 0
}

func TestPurgeLeavesAStreamWithRoomAlone(t *testing.T) {
	t.Parallel()
	server, q := small(t)
	ensure(t, q, balances)
	publish(t, q, jobs(balances, 1, 20)...)
	ackN(t, q, balances, 20)
	report, err := q.PurgeSettled(within(t, patience))
	require.NoError(t, err)
	require.False(t, report.Needed)
	require.Zero(t, report.Removed)
	require.EqualValues(t, 20, stored(t, server, queue.JobsStream))
}

func TestPurgeRemovesOnlyWhatIsSettled(t *testing.T) {
	t.Parallel()
	server, q := small(t)
	orders, prices := balances, balances
	orders.DataType, prices.DataType = syncjob.Orders, syncjob.Prices
	for _, c := range []queue.Consumer{balances, orders, prices} {
		ensure(t, q, c)
	}
	total := fill(t, q, balances, orders, prices)
	of := func(i int) int { return (total + 2 - i) / 3 } // jobs of the i-th consumer

	// Balances are settled but for the tenth, orders all, prices none.
	mine := takeN(t, q, balances, of(0))
	for i, d := range mine {
		if i != 9 {
			require.NoError(t, d.Ack(within(t, patience)))
		}
	}
	ackN(t, q, orders, of(1))
	eventually(t, "the floors rise", func() bool {
		floor := position(t, q, balances).AckFloor
		return floor >= mine[8].Seq && floor < mine[9].Seq && position(t, q, orders).Idle()
	})

	report, err := q.PurgeSettled(within(t, patience))
	require.NoError(t, err)
	require.True(t, report.Needed)
	require.EqualValues(t, 9+of(1), report.Removed)
	require.EqualValues(t, total-9-of(1), stored(t, server, queue.JobsStream))
	require.Less(t, report.BytesAfter, report.BytesBefore)
	require.EqualValues(t, 128<<10, report.MaxBytes)

	tenth := position(t, q, balances)
	require.True(t, tenth.InLine(mine[9].Seq, tenth.StreamCreated))
	require.NoError(t, mine[9].Nak(0))
	require.Equal(t, mine[9].Job, ackN(t, q, balances, 1)[0].Job, "the unsettled one is still there to be delivered")
	ackN(t, q, prices, of(2))
}

func TestPurgeSaysHowMuchReachIsLost(t *testing.T) {
	t.Parallel()
	_, q := small(t)
	ensure(t, q, balances)
	first := publish(t, q, job(balances, 1_000_000))[0]
	require.EqualValues(t, 1, first.Seq)
	oldest := ackN(t, q, balances, 1)[0].StoredAt
	total := fill(t, q, balances)
	ackN(t, q, balances, total)
	eventually(t, "the floor rises", func() bool { return position(t, q, balances).Idle() })
	report, err := q.PurgeSettled(within(t, patience))
	require.NoError(t, err)
	require.EqualValues(t, total+1, report.Removed)
	require.True(t, report.OldestBefore.Equal(oldest))
	require.True(t, report.OldestAfter.IsZero(), "nothing is left to replay")
	require.GreaterOrEqual(t, report.ReachLost, 10*ms)
	require.Less(t, report.ReachLost, time.Hour)
	publish(t, q, job(balances, 2_000_000)) // and there is room again
}

func TestPurgeOfUnsettledJobsOnlyWarns(t *testing.T) {
	t.Parallel()
	server, q := small(t)
	ensure(t, q, balances)
	total := fill(t, q, balances)
	report, err := q.PurgeSettled(within(t, patience))
	require.NoError(t, err)
	require.True(t, report.Needed)
	require.True(t, report.StillAboveLimits)
	require.Zero(t, report.Removed)
	require.EqualValues(t, total, stored(t, server, queue.JobsStream))
}

// TestALargePurgeGoesStepByStep: while the broker removes messages it neither takes nor
// delivers any, so it is not asked for all of them at once.
func TestALargePurgeGoesStepByStep(t *testing.T) {
	t.Parallel()
	server, q := sized(t, 15<<20)
	ensure(t, q, balances)
	const many = 26_000 // more than one step
	for from := 1; from < many; from += 1000 {
		publish(t, q, jobs(balances, from, from+999)...)
	}
	settleAll(t, q, many-1)

	nc := dial(t, server)
	requests, err := nc.SubscribeSync("$JS.API.STREAM.PURGE." + queue.JobsStream)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	report, err := q.PurgeSettled(within(t, patience))
	require.NoError(t, err)
	require.True(t, report.Needed)
	require.EqualValues(t, many-1, report.Removed)
	require.EqualValues(t, 1, stored(t, server, queue.JobsStream), "the last is not settled")
	for range 2 {
		_, err := requests.NextMsg(patience)
		require.NoError(t, err)
	}
}

// settleAll acks the first n jobs of the queue, as many at a time as it gives.
func settleAll(t *testing.T, q *queue.Queue, n int) {
	t.Helper()
	const given, together = 1000, 32
	var failed atomic.Int64
	for left := n; left > 0; left -= given {
		var all sync.WaitGroup
		for part := range slices.Chunk(takeN(t, q, balances, min(given, left)), together) {
			all.Go(func() {
				for _, d := range part {
					if d.Ack(t.Context()) != nil {
						failed.Add(1)
					}
				}
			})
		}
		all.Wait()
	}
	require.Zero(t, failed.Load())
	eventually(t, "the floor rises", func() bool { return position(t, q, balances).AckFloor >= uint64(n) })
}
