package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

var balances = queue.Consumer{Exchange: "bybit", Environment: "testnet", DataType: syncjob.Balances, Lane: syncjob.Live}

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// id makes a UUID that tells its number.
func id(kind string, n int) string {
	return fmt.Sprintf("%s-0000-4000-8000-%012d", kind, n)
}

func jobID(n int) string     { return id("00000001", n) }
func runID(n int) string     { return id("00000002", n) }
func accountID(n int) string { return id("00000003", n) }

// job is the n-th job of a consumer.
func job(c queue.Consumer, n int) queue.JobMessage {
	return queue.JobMessage{
		JobID: jobID(n), RunID: runID(n), Publishes: 1,
		Subject:  syncjob.Subject{Kind: syncjob.Account, ID: accountID(n)},
		Exchange: c.Exchange, Environment: c.Environment, DataType: c.DataType, Lane: c.Lane,
		ExpiresAt: time.Now().Add(time.Hour).UTC(),
	}
}

func jobs(c queue.Consumer, from, to int) []queue.JobMessage {
	var all []queue.JobMessage
	for n := from; n <= to; n++ {
		all = append(all, job(c, n))
	}
	return all
}

// fromStart is what the tables say when every job is open.
func fromStart(context.Context) (uint64, error) { return 1, nil }

func ensure(t *testing.T, q *queue.Queue, c queue.Consumer) {
	t.Helper()
	_, err := q.EnsureConsumer(within(t, patience), c, fromStart)
	require.NoError(t, err)
}

// publish stores jobs and returns their places.
func publish(t *testing.T, q *queue.Queue, jobs ...queue.JobMessage) []queue.Published {
	t.Helper()
	published := q.PublishJobs(within(t, patience), jobs)
	require.Len(t, published, len(jobs))
	for _, p := range published {
		require.NoError(t, p.Err)
	}
	return published
}

func subscribe(t *testing.T, q *queue.Queue, c queue.Consumer) *queue.Subscription {
	t.Helper()
	sub, err := q.Subscribe(c)
	require.NoError(t, err)
	return sub
}

// takeN takes exactly n jobs without settling them.
func takeN(t *testing.T, q *queue.Queue, c queue.Consumer, n int) []queue.Delivery {
	t.Helper()
	var taken []queue.Delivery
	subscribe(t, q, c).Fetch(within(t, patience), n, patience, func(d queue.Delivery) { taken = append(taken, d) })
	require.Len(t, taken, n)
	return taken
}

// ackN takes exactly n jobs and acks them.
func ackN(t *testing.T, q *queue.Queue, c queue.Consumer, n int) []queue.Delivery {
	t.Helper()
	taken := takeN(t, q, c, n)
	for _, d := range taken {
		require.NoError(t, d.Ack(within(t, patience)))
	}
	return taken
}

// inbox collects deliveries of a fetch that runs beside the test.
type inbox struct {
	mu    sync.Mutex
	jobs  map[string]int // deliveries by job
	added chan struct{}
}

func newInbox() *inbox { return &inbox{jobs: map[string]int{}, added: make(chan struct{}, 1)} }

func (b *inbox) add(jobID string) {
	b.mu.Lock()
	b.jobs[jobID]++
	b.mu.Unlock()
	select {
	case b.added <- struct{}{}:
	default:
	}
}

// take adds a result and acks it.
func (b *inbox) take(d queue.ResultDelivery) {
	b.add(d.Result.JobID)
	d.Settle(nil)
}

func (b *inbox) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.jobs)
}

// await returns when n different jobs have been seen.
func (b *inbox) await(t *testing.T, n int) {
	t.Helper()
	limit := time.After(patience)
	for b.count() < n {
		select {
		case <-b.added:
		case <-limit:
			require.Failf(t, "jobs are missing", "%d of %d arrived within %v", b.count(), n, patience)
		}
	}
}

// eventually polls a figure of the broker for which there is no signal.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, patience, 10*time.Millisecond, what)
}
