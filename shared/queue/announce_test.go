package queue_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func claimID(n int) string { return id("00000004", n) }

func result(n int) queue.ResultMessage {
	return queue.ResultMessage{
		JobID: jobID(n), RunID: runID(n), Claim: claimID(n), Status: syncjob.Failed,
		Exchange: "bybit", DataType: syncjob.Balances, Subject: syncjob.Subject{Kind: syncjob.Account, ID: accountID(n)},
		RowsChanged: 3, ErrorClass: syncjob.Auth, FinishedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
	}
}

func dial(t *testing.T, server *queuetest.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(server.URL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// What a person sees with `nats sub 'sync.>'`.
func TestAnnouncementsAreReadable(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	nc := dial(t, server)
	heard, err := nc.SubscribeSync("sync.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	ctx := within(t, patience)
	market := syncjob.Subject{Kind: syncjob.Market, ID: accountID(1)}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	publish(t, q, job(balances, 1))
	require.NoError(t, q.PublishResult(ctx, result(1)))
	require.NoError(t, q.PublishRun(ctx, queue.RunEvent{
		RunID: runID(1), Subject: market, Status: syncjob.RunPartial, Trigger: syncjob.Manual,
		Total: 4, Succeeded: 3, Failed: 1, RowsChanged: 12, StartedAt: at, FinishedAt: at,
	}))
	require.NoError(t, q.PublishData(ctx, queue.DataEvent{
		JobID: jobID(1), RunID: runID(1), DataType: syncjob.Prices, Subject: market, AsOf: at, RowsChanged: 2, RowsDeleted: 1,
	}))
	require.NoError(t, q.PublishDead(ctx, queue.DeadJob{
		JobID: jobID(1), RunID: runID(1), Exchange: "bybit", Environment: "testnet", DataType: syncjob.Orders, Lane: syncjob.Backfill,
		Subject: syncjob.Subject{Kind: syncjob.Account, ID: accountID(1)}, Attempts: 5,
		ErrorClass: syncjob.Transient, ErrorCode: "10016", Reason: "the exchange answered 500", DiedAt: at,
	}))

	for _, want := range []struct {
		subject, id string
		fields      map[string]any
	}{
		{"sync.job.live.bybit.testnet.balances." + accountID(1), jobID(1) + ":1", map[string]any{
			"job_id": jobID(1), "publishes": 1.0, "subject": map[string]any{"account_id": accountID(1)}, "data_type": "balances", "lane": "live",
		}},
		{"sync.result.bybit.balances." + accountID(1), jobID(1) + ":" + claimID(1), map[string]any{
			"claim": claimID(1), "status": "failed", "error_class": "auth", "rows_changed": "3", "finished_at": "2026-01-02T03:04:05.000006Z",
		}},
		{"sync.run.partial." + accountID(1), runID(1), map[string]any{
			"subject": map[string]any{"market_id": accountID(1)}, "jobs_total": 4.0, "jobs_failed": 1.0, "trigger": "manual",
		}},
		{"sync.data.prices." + accountID(1), jobID(1), map[string]any{"as_of": "2026-01-02T03:04:05Z", "rows_deleted": "1"}},
		{"sync.dead.bybit.orders." + accountID(1), jobID(1), map[string]any{"attempts": 5.0, "reason": "the exchange answered 500", "lane": "backfill"}},
	} {
		msg, err := heard.NextMsg(patience)
		require.NoError(t, err)
		require.Equal(t, want.subject, msg.Subject)
		require.Equal(t, want.id, msg.Header.Get(nats.MsgIdHdr))
		var body map[string]any
		require.NoError(t, json.Unmarshal(msg.Data, &body))
		for field, value := range want.fields {
			require.Equal(t, value, body[field], "%s of %s", field, msg.Subject)
		}
	}
}

func TestAnnouncementsNeedTheirIDs(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ctx := within(t, patience)
	account := syncjob.Subject{Kind: syncjob.Account, ID: accountID(1)}
	bad := result(1)
	bad.Claim = "not a claim"
	require.ErrorIs(t, q.PublishResult(ctx, bad), queue.ErrInvalid)
	require.ErrorIs(t, q.PublishRun(ctx, queue.RunEvent{Subject: account, Status: syncjob.RunFailed}), queue.ErrInvalid)
	require.ErrorIs(t, q.PublishRun(ctx, queue.RunEvent{RunID: runID(1), Subject: account}), queue.ErrInvalid)
	require.ErrorIs(t, q.PublishData(ctx, queue.DataEvent{JobID: jobID(1), RunID: runID(1), DataType: syncjob.Orders}), queue.ErrInvalid)
	require.ErrorIs(t, q.PublishDead(ctx, queue.DeadJob{RunID: runID(1), Exchange: "bybit", DataType: syncjob.Orders, Subject: account}), queue.ErrInvalid)
}

// Two workers report one outcome: a redelivered message finds the job done.
func TestARepeatedAnnouncementIsStoredOnce(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	for range 3 {
		require.NoError(t, q.PublishResult(within(t, patience), result(1)))
	}
	retried := result(1)
	retried.Claim = claimID(2)
	require.NoError(t, q.PublishResult(within(t, patience), retried))
	require.EqualValues(t, 2, stored(t, server, queue.ResultsStream))
}

func stored(t *testing.T, server *queuetest.Server, stream string) uint64 {
	t.Helper()
	info, err := raw(t, server).Stream(within(t, patience), stream)
	require.NoError(t, err)
	return info.CachedInfo().State.Msgs
}

func TestResultsReachOneAggregatorEach(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	const total = 200
	seen := newInbox()
	stopping, stop := context.WithCancel(within(t, patience))
	ended := make(chan struct{}, 3)
	for range 3 {
		go func() {
			q.Results(stopping, seen.take)
			ended <- struct{}{}
		}()
	}
	for n := 1; n <= total; n++ {
		require.NoError(t, q.PublishResult(within(t, patience), result(n)))
	}
	seen.await(t, total)
	stop()
	for range 3 {
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			require.Fail(t, "Results did not end")
		}
	}
	for jobID, times := range seen.jobs {
		require.Equal(t, 1, times, jobID)
	}
}

func TestAResultThatFailedComesAgain(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	tries := make(chan queue.ResultMessage, 10)
	var calls atomic.Int32
	stopping, stop := context.WithCancel(within(t, patience))
	defer stop()
	go q.Results(stopping, func(d queue.ResultDelivery) {
		tries <- d.Result
		if calls.Add(1) < 3 {
			d.Settle(context.DeadlineExceeded)
			return
		}
		d.Settle(nil)
	})
	require.NoError(t, q.PublishResult(within(t, patience), result(1)))
	for range 3 {
		select {
		case m := <-tries:
			require.Equal(t, result(1), m)
		case <-time.After(patience):
			require.Fail(t, "the result did not come again")
		}
	}
}

func TestResultsSurviveRestartAndLossOfTheBroker(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	seen := newInbox()
	stopping, stop := context.WithCancel(within(t, 2*patience))
	defer stop()
	go q.Results(stopping, seen.take)
	require.NoError(t, q.PublishResult(within(t, patience), result(1)))
	seen.await(t, 1)

	server.Restart()
	require.NoError(t, q.Await(within(t, patience)))
	require.NoError(t, q.PublishResult(within(t, patience), result(2)))
	seen.await(t, 2)

	server.Wipe()
	require.NoError(t, q.Await(within(t, patience)))
	_, err := q.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	require.NoError(t, q.PublishResult(within(t, patience), result(3)))
	seen.await(t, 3)
}

func TestForgedResultsAreRefused(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	nc := dial(t, server)
	seen := newInbox()
	stopping, stop := context.WithCancel(within(t, patience))
	defer stop()
	go q.Results(stopping, seen.take)
	for subject, body := range map[string]string{
		"sync.result.bybit.balances." + accountID(1): "{",
		"sync.result.bybit.orders." + accountID(2):   `{"job_id":"` + jobID(2) + `","run_id":"` + runID(2) + `","status":"succeeded","exchange":"bybit","data_type":"balances","subject":{"account_id":"` + accountID(2) + `"}}`,
		"sync.result.nonsense":                       "{}",
	} {
		require.NoError(t, nc.Publish(subject, []byte(body)))
	}
	require.NoError(t, nc.Flush())
	require.NoError(t, q.PublishResult(within(t, patience), result(9)))
	seen.await(t, 1)
	require.Equal(t, map[string]int{jobID(9): 1}, seen.jobs)
	eventually(t, "all three refused", func() bool { return q.Counts().Refused == 3 })
}
