package api_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestASyncIsWatchedToItsEnd(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	started, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main"})
	require.NoError(t, err)
	require.Equal(t, "start", started.GetAction())
	require.Equal(t, "running", started.GetRun().GetStatus())
	require.Len(t, started.GetRun().GetJobs(), 4)

	s.Work(func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		if job.DataType == syncjob.Orders {
			return &ledger.Outcome{Status: syncjob.Failed, Class: syncjob.Decode, Code: "x", Message: "not JSON"}, nil
		}
		return apitest.Succeed(job)
	})
	run := last(watch(t, c, started.GetRun().GetId()))
	require.Equal(t, "partial", run.GetStatus())
	require.EqualValues(t, 3, run.GetJobsSucceeded())
	require.Equal(t, "orders", run.GetJobs()[2].GetDataType())
	require.Equal(t, "decode", run.GetJobs()[2].GetErrorClass())
	require.Equal(t, "not JSON", run.GetJobs()[2].GetErrorMessage())
	require.NotNil(t, run.GetJobs()[0].GetAsOf())
	require.NotNil(t, run.GetFinishedAt())
}

// The poll is off, so only the notification can wake the watch.
func TestTheEndOfARunWakesItsWatch(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.PollInterval = time.Hour })
	c := newClient(s.URL)
	s.Add(t, "main")
	listening(t, s)
	started, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main"})
	require.NoError(t, err)
	stream, err := c.WatchRun(t.Context(), &controlv1.WatchRunRequest{Id: started.GetRun().GetId()})
	require.NoError(t, err)
	defer stream.Close()
	require.True(t, stream.Receive())
	require.Equal(t, "running", stream.Msg().GetRun().GetStatus())
	_, err = c.CancelRun(t.Context(), &controlv1.CancelRunRequest{Id: started.GetRun().GetId()})
	require.NoError(t, err)
	require.True(t, stream.Receive())
	require.Equal(t, "cancelled", stream.Msg().GetRun().GetStatus())
	require.False(t, stream.Receive())
	require.NoError(t, stream.Err())
}

// listening waits until the API's own connection listens.
func listening(t *testing.T, s *apitest.Server) {
	t.Helper()
	require.Eventually(t, func() bool {
		var n int
		const find = `
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'listen%'`
		return s.DB.QueryRow(t.Context(), find).Scan(&n) == nil && n > 0
	}, 10*time.Second, 10*time.Millisecond)
}

// Without the notification the poll finds the end.
func TestAWatchPolls(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.PollInterval = 20 * time.Millisecond })
	c := newClient(s.URL)
	s.Add(t, "main")
	started, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main"})
	require.NoError(t, err)
	stream, err := c.WatchRun(t.Context(), &controlv1.WatchRunRequest{Id: started.GetRun().GetId()})
	require.NoError(t, err)
	defer stream.Close()
	require.True(t, stream.Receive())
	// A job that changes notifies nobody.
	_, err = s.DB.Exec(t.Context(), `
UPDATE alphapulse.sync_jobs SET error_message = 'seen' WHERE run_id = $1 AND data_type = 'orders'`,
		started.GetRun().GetId())
	require.NoError(t, err)
	require.True(t, stream.Receive())
	require.Equal(t, "seen", stream.Msg().GetRun().GetJobs()[2].GetErrorMessage())
}

func TestAWatchEndsWhenTheServerStops(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	started, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main"})
	require.NoError(t, err)
	stream, err := c.WatchRun(t.Context(), &controlv1.WatchRunRequest{Id: started.GetRun().GetId()})
	require.NoError(t, err)
	defer stream.Close()
	require.True(t, stream.Receive())
	begun := time.Now()
	s.Stop()
	require.Less(t, time.Since(begun), 2*time.Second, "the stream held the stop up")
	require.False(t, stream.Receive())
	p := requireProblem(t, stream.Err(), connect.CodeUnavailable, "stopping")
	require.True(t, p.GetRetryHelps())
}

func TestWatchesAreBounded(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.MaxWatches = 1 })
	c := newClient(s.URL)
	s.Add(t, "main")
	started, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	first, err := c.WatchRun(ctx, &controlv1.WatchRunRequest{Id: started.GetRun().GetId()})
	require.NoError(t, err)
	require.True(t, first.Receive())
	second, err := c.WatchRun(t.Context(), &controlv1.WatchRunRequest{Id: started.GetRun().GetId()})
	require.NoError(t, err)
	require.False(t, second.Receive())
	requireProblem(t, second.Err(), connect.CodeResourceExhausted, "watches")
	cancel()
	require.Eventually(t, func() bool {
		third, err := c.WatchRun(t.Context(), &controlv1.WatchRunRequest{Id: started.GetRun().GetId()})
		if err != nil {
			return false
		}
		defer third.Close()
		return third.Receive()
	}, 10*time.Second, 20*time.Millisecond)
}

func TestWhyAnAccountCannotBeSynchronized(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	sync := func(dry bool) error {
		_, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main", DryRun: dry})
		return err
	}
	both := func(reason string) *controlv1.Problem {
		t.Helper()
		requireProblem(t, sync(true), connect.CodeFailedPrecondition, reason)
		return requireProblem(t, sync(false), connect.CodeFailedPrecondition, reason)
	}
	requireProblem(t, sync(false), connect.CodeNotFound, "account_not_found")

	added, err := c.AddAccount(t.Context(), addRequest("main"))
	require.NoError(t, err)
	p := both("account_pending")
	require.Equal(t, added.GetProbe().GetId(), p.GetRunId())
	require.True(t, p.GetRetryHelps())

	fleet := s.Work(apitest.Refuse)
	watch(t, c, added.GetProbe().GetId())
	p = both("account_pending")
	require.Empty(t, p.GetRunId(), "no probe is open any more")
	require.Contains(t, message(sync(false)), "API key is invalid.")
	require.Contains(t, p.GetNextStep(), "set-key main")

	fleet.Set(apitest.Succeed)
	tested, err := c.TestAccount(t.Context(), &controlv1.TestAccountRequest{Name: "main"})
	require.NoError(t, err)
	watch(t, c, tested.GetProbe().GetId())
	require.NoError(t, sync(false))

	_, err = c.PauseAccount(t.Context(), &controlv1.PauseAccountRequest{Name: "main", Reason: "audit"})
	require.NoError(t, err)
	require.Contains(t, both("account_paused").GetNextStep(), "accounts resume main")
}

// A key that was refused is no reason to keep the prices back.
func TestAnAccountThatNeedsAttentionFailsWithItsReason(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	fleet := s.Work(apitest.Refuse)
	sync := func() *controlv1.Run {
		t.Helper()
		res, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main"})
		require.NoError(t, err)
		return last(watch(t, c, res.GetRun().GetId()))
	}
	require.Equal(t, "partial", sync().GetStatus())
	got, err := c.GetAccount(t.Context(), &controlv1.GetAccountRequest{Name: "main"})
	require.NoError(t, err)
	require.Equal(t, "needs_attention", got.GetAccount().GetStatus())

	fleet.Set(apitest.Succeed)
	run := sync()
	require.Equal(t, "partial", run.GetStatus())
	for _, job := range run.GetJobs() {
		if job.GetDataType() == "prices" {
			require.Equal(t, "succeeded", job.GetStatus())
			continue
		}
		require.Equal(t, "failed", job.GetStatus())
		require.Equal(t, "auth", job.GetErrorClass())
		require.NotEmpty(t, job.GetErrorMessage())
	}
}

// The dry run must foretell what the call then does, and change nothing.
func TestADryRunForetellsTheCall(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	call := func(dry bool, types ...string) *controlv1.StartSyncResponse {
		t.Helper()
		res, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main", Types: types, DryRun: dry})
		require.NoError(t, err)
		return res
	}
	foretold := func(types ...string) *controlv1.StartSyncResponse {
		t.Helper()
		told := call(true, types...)
		require.Equal(t, told.GetAction(), call(true, types...).GetAction(), "a dry run changes nothing")
		done := call(false, types...)
		require.Equal(t, done.GetAction(), told.GetAction())
		return done
	}
	first := foretold("balances")
	require.Equal(t, "start", first.GetAction())
	require.Equal(t, "join", foretold("balances").GetAction())
	second := foretold("orders")
	require.Equal(t, "follow", second.GetAction())
	require.Equal(t, first.GetRun().GetId(), second.GetRun().GetFollows())
	require.Equal(t, "join", foretold("positions").GetAction(), "the follower is widened")
}

func TestListingRunsInPages(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	s.Add(t, "other")
	// Runs made at one instant must not get lost between two pages.
	_, err := s.DB.Exec(t.Context(), `UPDATE alphapulse.sync_runs SET created_at = '2026-01-01'`)
	require.NoError(t, err)
	list := func(request *controlv1.ListRunsRequest) []string {
		t.Helper()
		var ids []string
		for range 20 {
			res, err := c.ListRuns(t.Context(), request)
			require.NoError(t, err)
			require.LessOrEqual(t, len(res.GetRuns()), 1)
			for _, run := range res.GetRuns() {
				require.NotContains(t, ids, run.GetId())
				ids = append(ids, run.GetId())
			}
			if request.PageToken = res.GetNextPageToken(); request.GetPageToken() == "" {
				return ids
			}
		}
		t.Fatal("the pages never end")
		return nil
	}
	require.Len(t, list(&controlv1.ListRunsRequest{PageSize: 1}), 4)
	require.Len(t, list(&controlv1.ListRunsRequest{PageSize: 1, Account: "main"}), 2)
	require.Len(t, list(&controlv1.ListRunsRequest{PageSize: 1, Trigger: "probe"}), 2)
	require.Len(t, list(&controlv1.ListRunsRequest{PageSize: 1, Status: "succeeded", Account: "main"}), 2)
	require.Empty(t, list(&controlv1.ListRunsRequest{PageSize: 1, Status: "running"}))

	for reason, request := range map[string]*controlv1.ListRunsRequest{
		"run status": {Status: "happy"}, "trigger": {Trigger: "sneeze"}, "page_size": {PageSize: 501}, "page_token": {PageToken: "x"},
	} {
		_, err := c.ListRuns(t.Context(), request)
		requireProblem(t, err, connect.CodeInvalidArgument, reason)
	}
	for _, id := range []string{"no-uuid", "00000000-0000-4000-8000-000000000000"} {
		_, err := c.GetRun(t.Context(), &controlv1.GetRunRequest{Id: id})
		requireProblem(t, err, connect.CodeNotFound, "not_found")
	}
}

func TestADatabaseThatIsAwayIsSaidToBe(t *testing.T) {
	t.Parallel()
	away, err := postgres.Open(t.Context(), postgres.Config{
		URL: "postgres://user@127.0.0.1:1/none", Name: "away", AcquireTimeout: 300 * time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(away.Close)
	s := apitest.New(t, func(_ *api.Config, d *api.Deps) { d.DB = away })
	c := newClient(s.URL)
	_, err = c.ListAccounts(t.Context(), &controlv1.ListAccountsRequest{})
	require.True(t, requireProblem(t, err, connect.CodeUnavailable, "database_away").GetRetryHelps())
	stream, err := c.WatchRun(t.Context(), &controlv1.WatchRunRequest{Id: "00000000-0000-4000-8000-000000000000"})
	require.NoError(t, err)
	defer stream.Close()
	require.False(t, stream.Receive())
	requireProblem(t, stream.Err(), connect.CodeUnavailable, "database_away")
}

// What nobody foresaw is for the log, not for the caller.
func TestAnUnforeseenFaultKeepsItsTextForTheLog(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	_, err := s.DB.Exec(t.Context(), `ALTER TABLE alphapulse.markets RENAME COLUMN base_url TO moved`)
	require.NoError(t, err)
	_, err = newClient(s.URL).ListAccounts(t.Context(), &controlv1.ListAccountsRequest{})
	requireProblem(t, err, connect.CodeInternal, "internal")
	require.NotContains(t, message(err), "base_url")
}
