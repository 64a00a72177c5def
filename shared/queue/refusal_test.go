package queue_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Anybody who may publish can put anything into the stream. None of it reaches
// a worker, none of it stays, and it stops nobody.
func TestForgedJobsAreRefused(t *testing.T) {
	t.Parallel()
	subject := "sync.job.live.bybit.testnet.balances." + accountID(1)
	honest := map[string]any{
		"job_id": jobID(1), "run_id": runID(1), "publishes": 1, "subject": map[string]any{"account_id": accountID(1)},
		"exchange": "bybit", "environment": "testnet", "data_type": "balances", "lane": "live",
		"expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
	}
	with := func(field string, value any) string {
		forged := map[string]any{}
		for k, v := range honest {
			forged[k] = v
		}
		if forged[field] = value; value == nil {
			delete(forged, field)
		}
		body, err := json.Marshal(forged)
		require.NoError(t, err)
		return string(body)
	}
	for name, forged := range map[string]struct{ subject, body string }{
		"empty":                 {subject, ""},
		"not JSON":              {subject, "balances please"},
		"another shape":         {subject, `["a"]`},
		"no job":                {subject, with("job_id", nil)},
		"a job id that is SQL":  {subject, with("job_id", "'; drop table sync_jobs; --")},
		"no run":                {subject, with("run_id", nil)},
		"no publishes":          {subject, with("publishes", nil)},
		"negative publishes":    {subject, with("publishes", -1)},
		"no expiry":             {subject, with("expires_at", nil)},
		"no subject":            {subject, with("subject", nil)},
		"an unknown type":       {subject, with("data_type", "passwords")},
		"another type":          {subject, with("data_type", "orders")},
		"another lane":          {subject, with("lane", "backfill")},
		"another environment":   {subject, with("environment", "mainnet")},
		"another account":       {subject, with("subject", map[string]any{"account_id": accountID(2)})},
		"a subject with a tail": {subject + ".more", with("lane", "live")},
		"a word for an account": {"sync.job.live.bybit.testnet.balances.main", with("lane", "live")},
		"too large":             {subject, with("exchange", string(make([]byte, 100<<10)))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := queuetest.New(t)
			q := server.Queue()
			ensure(t, q, balances)
			_, err := raw(t, server).Publish(within(t, patience), forged.subject, []byte(forged.body))
			require.NoError(t, err)
			publish(t, q, job(balances, 9))

			got := ackN(t, q, balances, 1)
			require.Equal(t, jobID(9), got[0].Job.JobID)
			require.EqualValues(t, 1, q.Counts().Refused)
			eventually(t, "it is not delivered again", func() bool { return position(t, q, balances).Idle() })
		})
	}
}

// A newer process may say more than we understand.
func TestUnknownFieldsAreNoForgery(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	ensure(t, q, balances)
	body := `{"job_id":"` + jobID(1) + `","run_id":"` + runID(1) + `","publishes":2,"subject":{"market_id":"` + accountID(1) + `"},` +
		`"exchange":"bybit","environment":"testnet","data_type":"balances","lane":"live","expires_at":"2100-01-01T00:00:00Z","colour":{"of":["tomorrow"]}}`
	_, err := raw(t, server).Publish(within(t, patience), "sync.job.live.bybit.testnet.balances."+accountID(1), []byte(body))
	require.NoError(t, err)
	d := ackN(t, q, balances, 1)[0]
	require.Equal(t, 2, d.Job.Publishes)
	require.Equal(t, syncjob.Subject{Kind: syncjob.Market, ID: accountID(1)}, d.Job.Subject)
	require.Equal(t, jobID(1)+":2", d.Job.MessageID())
}

func TestExpiredJobsAreDroppedUnseen(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t).Queue()
	ensure(t, q, balances)
	expired := job(balances, 1)
	expired.ExpiresAt = time.Now().Add(-time.Second)
	publish(t, q, expired, job(balances, 2))
	require.Equal(t, jobID(2), ackN(t, q, balances, 1)[0].Job.JobID)
	require.EqualValues(t, 1, q.Counts().Expired)
	require.Zero(t, q.Counts().Refused)
	eventually(t, "it is settled", func() bool { return position(t, q, balances).Idle() })
}

// Deadlines are of the database's clock, which a worker may know better than
// its machine does.
func TestExpiryGoesByTheClockGiven(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	cfg := server.Config()
	cfg.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	late := server.Connect(cfg)
	_, err := late.EnsureStreams(within(t, patience))
	require.NoError(t, err)
	ensure(t, late, balances)
	publish(t, late, job(balances, 1))
	require.Zero(t, subscribe(t, late, balances).Fetch(within(t, patience), 1, 500*ms, func(queue.Delivery) {}))
	require.EqualValues(t, 1, late.Counts().Expired)
}
