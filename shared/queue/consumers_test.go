package queue_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestEnsureConsumerMakesItOnce(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	created, err := q.EnsureConsumer(within(t, patience), balances, fromStart)
	require.NoError(t, err)
	require.True(t, created)
	is := consumerConfig(t, server, balances)
	require.Equal(t, "bybit-testnet-balances-live", is.Durable)
	require.Equal(t, balances.Filter(), is.FilterSubject)
	require.Equal(t, jetstream.AckExplicitPolicy, is.AckPolicy)
	require.Equal(t, queue.AckWait, is.AckWait)
	require.Equal(t, -1, is.MaxDeliver)
	require.Empty(t, is.BackOff)
	require.Equal(t, queue.DefaultMaxAckPending, is.MaxAckPending)

	created, err = q.EnsureConsumer(within(t, patience), balances, func(context.Context) (uint64, error) {
		t.Error("the tables were asked about a consumer that exists")
		return 0, nil
	})
	require.NoError(t, err)
	require.False(t, created)
}

func consumerConfig(t *testing.T, server *queuetest.Server, c queue.Consumer) jetstream.ConsumerConfig {
	t.Helper()
	consumer, err := raw(t, server).Consumer(within(t, patience), queue.JobsStream, c.Name())
	require.NoError(t, err)
	return consumer.CachedInfo().Config
}

func TestEnsureConsumerByManyAtOnce(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	server.Queue()
	var schedulers sync.WaitGroup
	for n := range 6 {
		q := server.Connect(server.Config())
		schedulers.Go(func() {
			_, err := q.EnsureConsumer(within(t, patience), balances, func(context.Context) (uint64, error) { return uint64(n), nil })
			requireNoError(t, err)
		})
	}
	schedulers.Wait()
}

func TestEnsureConsumerBringsMaxAckPendingBack(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	ensure(t, q, balances)
	publish(t, q, jobs(balances, 1, 3)...)
	ackN(t, q, balances, 1)
	cfg := server.Config()
	cfg.Limits.MaxAckPending = 7
	created, err := server.Connect(cfg).EnsureConsumer(within(t, patience), balances, fromStart)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, 7, consumerConfig(t, server, balances).MaxAckPending)
	p, err := q.Position(within(t, patience), balances)
	require.NoError(t, err)
	require.EqualValues(t, 1, p.AckFloor, "its position is kept")
}

func TestMaxAckPendingBoundsTheFleet(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	cfg := server.Config()
	cfg.Limits.MaxAckPending = 2
	q := server.Connect(cfg)
	_, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	ensure(t, q, balances)
	publish(t, q, jobs(balances, 1, 5)...)
	taken := takeN(t, q, balances, 2)
	require.Zero(t, subscribe(t, q, balances).Fetch(within(t, patience), 5, 300*ms, func(queue.Delivery) {}))
	require.NoError(t, taken[0].Ack(within(t, patience)))
	takeN(t, q, balances, 1)
}

// Where a consumer that was lost starts again decides what is delivered twice
// and what the sweep has to publish again.
func TestARecreatedConsumerStartsAtTheOldestOpenJob(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		oldest uint64
		want   []int
		floor  uint64
	}{
		"the fourth is open":            {oldest: 4, want: []int{4, 5, 6}, floor: 3},
		"none is open":                  {oldest: 0, want: nil, floor: 6},
		"a sequence of another stream":  {oldest: 4711, want: nil, floor: 6},
		"the very first is open":        {oldest: 1, want: []int{1, 2, 3, 4, 5, 6}, floor: 0},
		"one of another consumer is it": {oldest: 3, want: []int{3, 4, 5, 6}, floor: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := queuetest.New(t).Queue()
			ensure(t, q, balances)
			publish(t, q, jobs(balances, 1, 6)...)
			ackN(t, q, balances, 6)
			require.NoError(t, q.DeleteConsumer(within(t, patience), balances))
			created, err := q.EnsureConsumer(within(t, patience), balances, func(context.Context) (uint64, error) { return test.oldest, nil })
			require.NoError(t, err)
			require.True(t, created)

			p, err := q.Position(within(t, patience), balances)
			require.NoError(t, err)
			require.Equal(t, test.floor, p.AckFloor, "jobs before the start are not in line")
			publish(t, q, job(balances, 7)) // comes after whatever is delivered again
			var got []int
			for _, d := range ackN(t, q, balances, len(test.want)+1) {
				got = append(got, int(d.Seq))
			}
			require.Equal(t, append(test.want, 7), got)
		})
	}
}

// A job that is published while the consumer is being made, after the tables
// were asked, must be delivered.
func TestAJobPublishedWhileItsConsumerIsMadeIsDelivered(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	publish(t, q, jobs(balances, 1, 3)...)
	_, err := q.EnsureConsumer(within(t, patience), balances, func(context.Context) (uint64, error) {
		publish(t, q, job(balances, 4)) // the tables know nothing of it yet
		return 0, nil
	})
	require.NoError(t, err)
	require.Equal(t, jobID(4), ackN(t, q, balances, 1)[0].Job.JobID)
}

func TestEnsureConsumerErrors(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Connect(server.Config())
	_, err := q.EnsureConsumer(within(t, patience), balances, fromStart)
	require.ErrorIs(t, err, queue.ErrStreamMissing)
	require.ErrorIs(t, q.DeleteConsumer(within(t, patience), balances), queue.ErrStreamMissing)
	_, err = q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	require.ErrorIs(t, q.DeleteConsumer(within(t, patience), balances), queue.ErrConsumerMissing)

	broken := errors.New("the database is away")
	_, err = q.EnsureConsumer(within(t, patience), balances, func(context.Context) (uint64, error) { return 0, broken })
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, queue.ErrUnreachable)
	wild := balances
	wild.DataType = syncjob.DataType(">")
	_, err = q.EnsureConsumer(within(t, patience), wild, fromStart)
	require.ErrorIs(t, err, queue.ErrInvalid)
	_, err = q.Subscribe(wild)
	require.ErrorIs(t, err, queue.ErrInvalid)
}
