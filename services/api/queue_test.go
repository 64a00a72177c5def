package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// publish gives every due job to the broker, as the scheduler does.
func publish(t *testing.T, s *apitest.Server, q *queue.Queue) int {
	t.Helper()
	due, err := s.Ledger.TakeDue(t.Context(), 1000)
	require.NoError(t, err)
	for _, p := range due {
		c := queue.Consumer{Exchange: p.Exchange, Environment: p.Environment, DataType: p.DataType, Lane: p.Lane}
		_, err := q.EnsureConsumer(t.Context(), c, func(context.Context) (uint64, error) { return 0, nil })
		require.NoError(t, err)
		results := q.PublishJobs(t.Context(), []queue.JobMessage{{
			JobID: p.JobID, RunID: p.RunID, Publishes: p.Publishes, Subject: syncjob.Subject{Kind: p.SubjectKind, ID: p.SubjectID},
			Exchange: p.Exchange, Environment: p.Environment, DataType: p.DataType, Lane: p.Lane, ExpiresAt: time.Now().Add(time.Hour),
		}})
		require.NoError(t, results[0].Err)
	}
	return len(due)
}

func lane(t *testing.T, lag *controlv1.GetLagResponse, kind string) *controlv1.Lane {
	t.Helper()
	for _, lane := range lag.GetLanes() {
		if lane.GetDataType() == kind {
			return lane
		}
	}
	require.FailNow(t, "no such lane", "%s in %v", kind, lag)
	return nil
}

func TestLagOfWhatIsQueuedSnoozedHeldAndStale(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	s.Exec(t, `UPDATE alphapulse.schedules SET enabled = false`)
	q := s.Broker.Queue()
	run, _, err := s.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances, syncjob.Orders})
	require.NoError(t, err)
	s.Exec(t, `UPDATE alphapulse.sync_jobs SET queued_at = clock_timestamp() - interval '90 seconds' WHERE run_id = $1`, run.ID)

	lag, err := c.GetLag(t.Context(), &controlv1.GetLagRequest{})
	require.NoError(t, err)
	require.True(t, lane(t, lag, "balances").GetMissing(), "nobody has made its queue yet")
	require.Zero(t, lane(t, lag, "balances").GetPublished())
	require.EqualValues(t, 1, lane(t, lag, "balances").GetOpen())

	require.Equal(t, 2, publish(t, s, q))
	lag, err = c.GetLag(t.Context(), &controlv1.GetLagRequest{History: 5})
	require.NoError(t, err)
	balances := lane(t, lag, "balances")
	require.False(t, balances.GetMissing())
	require.EqualValues(t, 1, balances.GetPending())
	require.EqualValues(t, 1, balances.GetPublished())
	require.Zero(t, balances.GetStale())
	require.InDelta(t, 90, balances.GetOldestAge().AsDuration().Seconds(), 20)
	require.Nil(t, balances.Drain)
	require.NotEmpty(t, balances.GetHistory())
	require.EqualValues(t, 1, last(balances.GetHistory()).GetPending())

	// A follower is held back, a retry is snoozed, and of a job that has been ended
	// the message is stale.
	s.Exec(t, `UPDATE alphapulse.sync_jobs SET status = 'waiting', wait_reason = 'retry', next_at = clock_timestamp() + interval '1 hour'
WHERE run_id = $1 AND data_type = 'orders'`, run.ID)
	s.Exec(t, `UPDATE alphapulse.sync_jobs SET started_at = clock_timestamp() WHERE run_id = $1 AND data_type = 'balances'`, run.ID)
	follower, joined, err := s.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances})
	require.NoError(t, err)
	require.False(t, joined)
	lag, err = c.GetLag(t.Context(), &controlv1.GetLagRequest{})
	require.NoError(t, err)
	orders := lane(t, lag, "orders")
	require.EqualValues(t, 1, orders.GetSnoozed())
	require.EqualValues(t, 1, orders.GetStale())
	require.Zero(t, orders.GetOpen())
	require.NotNil(t, orders.GetOldestAge(), "it is not done")
	require.EqualValues(t, 1, lane(t, lag, "balances").GetHeld())
	_, err = c.CancelRun(t.Context(), &controlv1.CancelRunRequest{Id: follower.ID})
	require.NoError(t, err)
	_, err = c.CancelRun(t.Context(), &controlv1.CancelRunRequest{Id: run.ID})
	require.NoError(t, err)
	lag, err = c.GetLag(t.Context(), &controlv1.GetLagRequest{DataTypes: []string{"balances"}})
	require.NoError(t, err)
	require.Len(t, lag.GetLanes(), 1, "only what was asked for")
	require.EqualValues(t, 1, lane(t, lag, "balances").GetStale())
	require.Nil(t, lane(t, lag, "balances").GetOldestAge())
}

func TestLagTellsWhatIsOldestAgainstItsObjective(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	s.Add(t, "other")
	s.Exec(t, `UPDATE alphapulse.sync_state SET as_of = clock_timestamp() - interval '1 day'
WHERE data_type = 'orders' AND account_id = (SELECT id FROM alphapulse.accounts WHERE name = 'other')`)
	lag, err := c.GetLag(t.Context(), &controlv1.GetLagRequest{FreshnessLimit: 10000})
	require.NoError(t, err)
	require.EqualValues(t, len(lag.GetFreshness()), lag.GetFreshnessTotal())
	stale := 0
	for _, f := range lag.GetFreshness() {
		if f.GetStale() {
			stale++
		}
		if f.GetAge() != nil {
			require.Equal(t, f.GetAge().AsDuration() > f.GetObjective().AsDuration(), f.GetStale(), f)
		}
	}
	require.EqualValues(t, stale, lag.GetStaleTotal())
	for i, f := range lag.GetFreshness() {
		if f.GetAge() == nil {
			continue
		}
		require.Equal(t, "other", f.GetAccount(), "the worst of those that were read")
		require.Equal(t, "orders", f.GetDataType())
		for _, before := range lag.GetFreshness()[:i] {
			require.Nil(t, before.GetAge(), "what was never read comes first")
		}
		break
	}
	narrow, err := c.GetLag(t.Context(), &controlv1.GetLagRequest{Account: "main", FreshnessLimit: 1})
	require.NoError(t, err)
	require.Len(t, narrow.GetFreshness(), 1)
	require.Equal(t, "main", narrow.GetFreshness()[0].GetAccount())
	require.Less(t, narrow.GetFreshnessTotal(), lag.GetFreshnessTotal())
	none, err := c.GetLag(t.Context(), &controlv1.GetLagRequest{FreshnessLimit: -1})
	require.NoError(t, err)
	require.Empty(t, none.GetFreshness())
}

// Without the broker the tables still say how old the oldest job is.
func TestLagWithoutTheBroker(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	_, _, err := s.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Orders})
	require.NoError(t, err)
	s.Broker.Stop()
	lag, err := c.GetLag(t.Context(), &controlv1.GetLagRequest{})
	require.NoError(t, err)
	require.NotEmpty(t, lag.GetBrokerError())
	orders := lane(t, lag, "orders")
	require.Nil(t, orders.Pending, "unknown is not zero")
	require.Nil(t, orders.Drain)
	require.NotNil(t, orders.GetOldestAge())
	require.False(t, orders.GetMissing())
	s.Broker.Start()
	require.Eventually(t, func() bool {
		lag, err := c.GetLag(t.Context(), &controlv1.GetLagRequest{})
		return err == nil && lag.GetBrokerError() == ""
	}, 30*time.Second, 10*time.Millisecond)
}

func TestLagIsWatched(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.MaxWatches = 1 })
	c := newClient(s.URL)
	stream, err := c.WatchLag(t.Context(), &controlv1.WatchLagRequest{Interval: durationpb.New(500 * time.Millisecond)})
	require.NoError(t, err)
	defer stream.Close()
	for range 2 {
		require.True(t, stream.Receive())
		require.NotNil(t, stream.Msg().GetLag().GetReadAt())
	}
	more, err := c.WatchLag(t.Context(), &controlv1.WatchLagRequest{})
	require.NoError(t, err)
	defer more.Close()
	require.False(t, more.Receive())
	requireProblem(t, more.Err(), connect.CodeResourceExhausted, "watches")
	s.Stop()
	for stream.Receive() {
		continue
	}
	requireProblem(t, stream.Err(), connect.CodeUnavailable, "stopping")
}

func TestLagRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	for name, request := range map[string]*controlv1.GetLagRequest{
		"lane":            {Lane: "fast"},
		"data_type":       {DataTypes: []string{"gossip"}},
		"freshness_limit": {FreshnessLimit: 10001},
		"history":         {History: 301},
	} {
		_, err := c.GetLag(t.Context(), request)
		require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err), name)
	}
	_, err := c.GetLag(t.Context(), &controlv1.GetLagRequest{Account: "nobody"})
	requireProblem(t, err, connect.CodeNotFound, "account_not_found")
	stream, err := c.WatchLag(t.Context(), &controlv1.WatchLagRequest{Interval: durationpb.New(time.Millisecond)})
	require.NoError(t, err)
	defer stream.Close()
	require.False(t, stream.Receive())
	requireProblem(t, stream.Err(), connect.CodeInvalidArgument, "interval")
}

func TestAutoscaleIsWorkInSeconds(t *testing.T) {
	t.Parallel()
	const token = "a token that nobody guesses"
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.Token = vault.NewSecret(token) })
	account := s.Add(t, "main")
	s.Exec(t, `UPDATE alphapulse.schedules SET enabled = false`)
	_, _, err := s.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances, syncjob.Orders})
	require.NoError(t, err)
	ask := func(query, token string) (int, map[string]any) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/autoscale"+query, http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		answer := map[string]any{}
		if res.StatusCode == http.StatusOK {
			require.NoError(t, json.Unmarshal(body, &answer))
		}
		return res.StatusCode, answer
	}
	code, _ := ask("", "another one, which is wrong")
	require.Equal(t, http.StatusUnauthorized, code)
	code, answer := ask("?lane=live", token)
	require.Equal(t, http.StatusOK, code)
	require.InDelta(t, 2, answer["jobs"], 0)
	require.InDelta(t, 2, answer["work_seconds"], 0, "a second each until one was measured")
	require.Equal(t, false, answer["measured"])
	code, answer = ask("?type=orders&type=fills", token)
	require.Equal(t, http.StatusOK, code)
	require.InDelta(t, 1, answer["jobs"], 0)
	code, answer = ask("?type=fills", token)
	require.Equal(t, http.StatusOK, code)
	require.InDelta(t, 0, answer["work_seconds"], 0)
	require.Equal(t, true, answer["measured"], "nothing is known exactly")
	for _, query := range []string{"?kind=orders", "?lane=fast", "?type=gossip"} {
		code, _ = ask(query, token)
		require.Equal(t, http.StatusBadRequest, code, query)
	}
}
