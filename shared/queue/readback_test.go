package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// readAll pages through a query.
func readAll(t *testing.T, q *queue.Queue, query queue.JobsQuery) (ids []string, pages int) {
	t.Helper()
	for {
		page, err := q.StoredJobs(within(t, patience), query)
		require.NoError(t, err)
		pages++
		for _, j := range page.Jobs {
			ids = append(ids, j.JobID)
		}
		if page.End {
			return ids, pages
		}
		query.FromSeq = page.Next
	}
}

func TestStoredJobsAreReadAgainWithoutMovingAnyConsumer(t *testing.T) {
	t.Parallel()
	broker := queuetest.New(t)
	q := broker.Queue()
	_, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	fills := balances
	fills.DataType, fills.Lane = syncjob.Fills, syncjob.Backfill
	publish(t, q, jobs(balances, 1, 7)...)
	publish(t, q, jobs(fills, 8, 9)...)
	again := job(balances, 3)
	again.Publishes = 2
	publish(t, q, again)
	ensure(t, q, balances)
	ackN(t, q, balances, 2)
	before, err := q.Position(within(t, patience), balances)
	require.NoError(t, err)

	all, pages := readAll(t, q, queue.JobsQuery{Limit: 3})
	require.Len(t, all, 10, "settled ones too, and one of them twice")
	require.Equal(t, 4, pages)
	for _, c := range []struct {
		query queue.JobsQuery
		want  []string
	}{
		{queue.JobsQuery{Types: []syncjob.DataType{syncjob.Fills}}, []string{jobID(8), jobID(9)}},
		{queue.JobsQuery{SubjectID: accountID(3)}, []string{jobID(3), jobID(3)}},
		{queue.JobsQuery{FromSeq: 2, ToSeq: 4}, []string{jobID(2), jobID(3), jobID(4)}},
		{queue.JobsQuery{Exchange: "elsewhere"}, nil},
		{queue.JobsQuery{FromSeq: 99}, nil},
		{queue.JobsQuery{Until: time.Now().Add(-time.Hour)}, nil},
		{queue.JobsQuery{Since: time.Now().Add(time.Hour)}, nil},
		{queue.JobsQuery{Types: []syncjob.DataType{syncjob.Orders, syncjob.Fills}, SubjectID: accountID(9)}, []string{jobID(9)}},
	} {
		got, _ := readAll(t, q, c.query)
		require.Equal(t, c.want, got, "%+v", c.query)
	}
	after, err := q.Position(within(t, patience), balances)
	require.NoError(t, err)
	require.Equal(t, before, after)
	lag, err := q.Lag(within(t, patience))
	require.NoError(t, err)
	require.Len(t, lag, 1, "a reader is no queue")
	_, err = q.StoredJobs(within(t, patience), queue.JobsQuery{SubjectID: "*"})
	require.ErrorIs(t, err, queue.ErrInvalid)
}

// What is between two times is found by the broker's clock.
func TestStoredJobsOfATime(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	_, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	publish(t, q, jobs(balances, 1, 3)...)
	page, err := q.StoredJobs(within(t, patience), queue.JobsQuery{})
	require.NoError(t, err)
	first, last := page.Jobs[0].At, page.Jobs[2].At
	got, _ := readAll(t, q, queue.JobsQuery{Since: first, Until: last.Add(time.Nanosecond)})
	require.Len(t, got, 3)
	got, _ = readAll(t, q, queue.JobsQuery{Since: last.Add(time.Nanosecond)})
	require.Empty(t, got)
	got, _ = readAll(t, q, queue.JobsQuery{Until: first})
	require.Empty(t, got)
	state, err := q.JobsState(within(t, patience))
	require.NoError(t, err)
	require.Equal(t, uint64(3), state.Messages)
	require.Equal(t, page.Created, state.Created)
}

func TestObituariesAreReadAgain(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	_, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	ids, _, err := q.DeadJobs(within(t, patience))
	require.NoError(t, err)
	require.Empty(t, ids)
	for n := range 3 {
		require.NoError(t, q.PublishDead(within(t, patience), queue.DeadJob{
			JobID: jobID(n), RunID: runID(n), Exchange: "bybit", Environment: "testnet", DataType: syncjob.Balances,
			Lane: syncjob.Live, Subject: syncjob.Subject{Kind: syncjob.Account, ID: accountID(n)},
		}))
	}
	ids, since, err := q.DeadJobs(within(t, patience))
	require.NoError(t, err)
	require.Equal(t, []string{jobID(0), jobID(1), jobID(2)}, ids)
	require.WithinDuration(t, time.Now(), since, time.Minute)
}
