package queue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestFetchDeliversJobsAsTheyArrive(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	sub := subscribe(t, q, balances)
	got := make(chan queue.Delivery, 3)
	ended := make(chan int, 1)
	go func() {
		ended <- sub.Fetch(within(t, patience), 3, patience, func(d queue.Delivery) { got <- d })
	}()

	for n := 1; n <= 3; n++ { // each is published only when the one before has arrived
		want := job(balances, n)
		placed := publish(t, q, want)[0]
		select {
		case d := <-got:
			require.Equal(t, want, d.Job)
			require.Equal(t, placed.Seq, d.Seq)
			require.EqualValues(t, 1, d.NumDelivered)
			require.WithinDuration(t, time.Now(), d.StoredAt, time.Minute)
			require.NoError(t, d.Ack(within(t, patience)))
		case <-time.After(patience):
			require.Fail(t, "the job did not arrive")
		}
	}
	require.Equal(t, 3, <-ended)
	p, err := q.Position(within(t, patience), balances)
	require.NoError(t, err)
	require.True(t, p.Idle())
}

func TestFetchEndsWithItsTime(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	publish(t, q, job(balances, 1))

	start := time.Now()
	taken := subscribe(t, q, balances).Fetch(within(t, patience), 5, 300*time.Millisecond, func(queue.Delivery) {})
	require.Equal(t, 1, taken)
	require.Less(t, time.Since(start), 3*time.Second)
}

// A worker that stops must not keep a job that it was being sent: the fleet
// would wait AckWait for it.
func TestFetchCancelledMidWaitLosesNothing(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	const total = 400
	seen := newInbox()
	stopping, stop := context.WithCancel(within(t, patience))
	defer stop()

	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			sub := subscribe(t, q, balances)
			for stopping.Err() == nil {
				sub.Fetch(stopping, 3, patience, func(d queue.Delivery) {
					if d.Ack(context.Background()) == nil {
						seen.add(d.Job.JobID)
					}
					if seen.count() >= total/4 {
						stop() // in the middle of the stream of jobs
					}
				})
			}
		})
	}
	publish(t, q, jobs(balances, 1, total)...)
	workers.Wait()

	start := time.Now()
	rest := total - seen.count()
	require.Positive(t, rest, "everything was taken before the stop: the test shows nothing")
	for _, d := range ackN(t, q, balances, rest) {
		seen.add(d.Job.JobID)
	}
	require.Equal(t, total, seen.count())
	require.Less(t, time.Since(start), queue.AckWait/2, "jobs came back only after their ack wait")
}

// The context ends while deliveries are in the client's hands.
func TestFetchGivesBackWhatArrivesAfterTheStop(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	publish(t, q, jobs(balances, 1, 20)...)

	ctx, stop := context.WithCancel(within(t, patience))
	taken := subscribe(t, q, balances).Fetch(ctx, 20, patience, func(d queue.Delivery) {
		stop() // the other 19 are on their way already
		require.NoError(t, d.Ack(within(t, patience)))
	})
	require.Equal(t, 1, taken)
	require.Positive(t, q.Counts().Returned)

	start := time.Now()
	ackN(t, q, balances, 19)
	require.Less(t, time.Since(start), queue.AckWait/2)
}

func TestFetchCancelledWhileIdleEndsAtOnce(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	ctx, stop := context.WithCancel(within(t, patience))
	ended := make(chan int, 1)
	sub := subscribe(t, q, balances)
	go func() { ended <- sub.Fetch(ctx, 4, patience, func(queue.Delivery) {}) }()
	eventually(t, "the pull is open", func() bool { return waiting(t, q) == 1 })

	stop()
	select {
	case taken := <-ended:
		require.Zero(t, taken)
	case <-time.After(2 * time.Second):
		require.Fail(t, "the fetch did not end")
	}
	eventually(t, "the pull is withdrawn", func() bool { return waiting(t, q) == 0 })
}

func waiting(t *testing.T, q *queue.Queue) int {
	t.Helper()
	lag, err := q.Lag(within(t, patience))
	require.NoError(t, err)
	require.Len(t, lag, 1)
	return lag[0].Waiting
}

func TestNakDelaysTheNextDelivery(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	publish(t, q, job(balances, 1))

	first := takeN(t, q, balances, 1)[0]
	start := time.Now()
	require.NoError(t, first.Nak(700*time.Millisecond))
	second := takeN(t, q, balances, 1)[0]
	require.GreaterOrEqual(t, time.Since(start), 600*time.Millisecond)
	require.Less(t, time.Since(start), 5*time.Second)
	require.EqualValues(t, 2, second.NumDelivered)
	require.NoError(t, second.InProgress())
	require.NoError(t, second.Ack(within(t, patience)))
}

func TestFetchSurvivesARestartOfTheBroker(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	ensure(t, q, balances)
	seen := newInbox()
	stopping, stop := context.WithCancel(within(t, patience))
	ended := make(chan struct{})
	sub := subscribe(t, q, balances)
	go func() {
		defer close(ended)
		for stopping.Err() == nil {
			sub.Fetch(stopping, 2, patience, func(d queue.Delivery) {
				if d.Ack(context.Background()) == nil {
					seen.add(d.Job.JobID)
				}
			})
		}
	}()

	publish(t, q, job(balances, 1))
	seen.await(t, 1)
	for n := 2; n <= 4; n++ {
		server.Restart()
		require.NoError(t, q.Await(within(t, patience)))
		publish(t, q, job(balances, n))
		seen.await(t, n)
	}
	stop()
	<-ended
}

// A wiped broker has neither stream nor consumer until the scheduler has made
// them again; a fetch that was open all the time goes on with them.
func TestFetchSurvivesABrokerThatForgotEverything(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	ensure(t, q, balances)
	got := make(chan queue.Delivery, 1)
	sub := subscribe(t, q, balances)
	go sub.Fetch(within(t, patience), 1, patience, func(d queue.Delivery) { got <- d })
	eventually(t, "the pull is open", func() bool { return waiting(t, q) == 1 })

	server.Wipe()
	ctx := within(t, patience)
	require.NoError(t, q.Await(ctx))
	_, err := q.Position(ctx, balances)
	require.ErrorIs(t, err, queue.ErrStreamMissing)
	_, err = q.EnsureStreams(ctx)
	require.NoError(t, err)
	_, err = q.Position(ctx, balances)
	require.ErrorIs(t, err, queue.ErrConsumerMissing)
	publish(t, q, job(balances, 1))
	ensure(t, q, balances)
	select {
	case d := <-got:
		require.Equal(t, jobID(1), d.Job.JobID)
	case <-time.After(patience):
		require.Fail(t, "the fetch did not recover")
	}
}

func TestFetchSurvivesADeletedConsumer(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	got := make(chan queue.Delivery, 1)
	sub := subscribe(t, q, balances)
	go sub.Fetch(within(t, patience), 1, patience, func(d queue.Delivery) { got <- d })
	eventually(t, "the pull is open", func() bool { return waiting(t, q) == 1 })

	require.NoError(t, q.DeleteConsumer(within(t, patience), balances))
	publish(t, q, job(balances, 1))
	ensure(t, q, balances)
	select {
	case d := <-got:
		require.Equal(t, jobID(1), d.Job.JobID)
	case <-time.After(patience):
		require.Fail(t, "the fetch did not recover")
	}
}

// The broker has sent jobs, the worker has not received them and stops.
func TestFetchGivesBackWhatWasOnItsWayAtTheStop(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	near := server.Queue()
	ensure(t, near, balances)
	publish(t, near, jobs(balances, 1, 20)...)
	gate := newGate(t, server)
	cfg := server.Config()
	cfg.URL = gate.url()
	far := server.Connect(cfg)

	gate.shut()
	ctx, stop := context.WithCancel(within(t, patience))
	ended := make(chan int, 1)
	sub := subscribe(t, far, balances)
	go func() { ended <- sub.Fetch(ctx, 20, patience, func(queue.Delivery) {}) }()
	eventually(t, "the broker has sent them", func() bool { return position(t, near, balances).Unacked == 20 })
	stop()
	select {
	case <-ended:
		require.Fail(t, "the fetch ended without what was on its way")
	case <-time.After(200 * ms):
	}
	gate.lift()
	require.Zero(t, <-ended)
	require.EqualValues(t, 20, far.Counts().Returned)

	start := time.Now()
	ackN(t, near, balances, 20)
	require.Less(t, time.Since(start), queue.AckWait/2)
}

// The client would wait for an answer that cannot come any more.
func TestACallEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	ensure(t, server.Queue(), balances)
	gate := newGate(t, server)
	cfg := server.Config()
	cfg.URL = gate.url()
	q := server.Connect(cfg)
	gate.shut()
	answer := make(chan error, 1)
	start := time.Now()
	go func() { _, err := q.Position(context.Background(), balances); answer <- err }()
	require.Never(t, func() bool { return len(answer) > 0 }, 200*ms, 20*ms)
	gate.cut()
	require.ErrorIs(t, <-answer, queue.ErrUnreachable)
	require.Less(t, time.Since(start), 3*time.Second)
}

// Else it would end when heartbeats are missed, seconds later.
func TestAPullEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	near := server.Queue()
	ensure(t, near, balances)
	gate := newGate(t, server)
	var log lines
	cfg := server.Config()
	cfg.URL, cfg.Log = gate.url(), log.entry()
	sub := subscribe(t, server.Connect(cfg), balances)
	ended := make(chan int, 1)
	ctx, stop := context.WithCancel(within(t, patience))
	defer stop()
	go func() { ended <- sub.Fetch(ctx, 1, patience, func(queue.Delivery) {}) }()
	eventually(t, "the pull is open", func() bool { return waiting(t, near) == 1 })
	gate.cut()
	eventually(t, "the pull has ended", func() bool { return log.has("cannot take messages, trying again") })
	require.True(t, log.has("the connection was lost"))
	stop()
	require.Zero(t, <-ended)
}

// A broker that hangs is no reason to hang.
func TestAPublishWithoutAnswerIsOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	near := server.Queue()
	gate := newGate(t, server)
	cfg := server.Config()
	cfg.URL = gate.url()
	q := server.Connect(cfg)
	publish(t, q, job(balances, 1))

	gate.shut()
	p := q.PublishJobs(within(t, 500*ms), jobs(balances, 2, 2))[0]
	require.ErrorIs(t, p.Err, queue.ErrUnknownOutcome)
	require.NotErrorIs(t, p.Err, queue.ErrRefused)
	require.ErrorIs(t, q.PublishResult(within(t, 500*ms), result(2)), queue.ErrUnknownOutcome)
	again := publish(t, near, job(balances, 2))[0]
	require.True(t, again.Duplicate, "it had been stored")
	require.EqualValues(t, 1, stored(t, server, queue.ResultsStream))
}
