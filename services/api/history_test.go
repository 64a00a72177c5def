package api_test

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// day is midnight UTC, so many days after the fifth of January 2026.
func day(n int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 1, 5+n, 0, 0, 0, 0, time.UTC))
}

func TestCoverageTellsWhatIsThereAndWhatIsNot(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	s.Exec(t, `
INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered, horizon, unreadable) VALUES
  ($1, 'orders', 'linear', '{[2026-01-05Z,2026-01-07Z),[2026-01-08Z,2036-01-01Z)}', '2026-01-01Z', NULL),
  ($1, 'orders', 'option', '{}', NULL, 'permission: may not'),
  ($1, 'fills', 'spot', '{}', NULL, NULL),
  ($1, 'ledger', 'transaction_log:USDT', '{[2026-01-05Z,2036-01-01Z)}', NULL, NULL)`, account.ID)

	res, err := c.GetCoverage(t.Context(), &controlv1.GetCoverageRequest{Account: "main"})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), res.GetReadAt().AsTime(), time.Minute)
	require.Len(t, res.GetScopes(), 4)
	linear := res.GetScopes()[0]
	require.Equal(t, "orders", linear.GetDataType())
	require.Equal(t, "linear", linear.GetCategory())
	require.Len(t, linear.GetCovered(), 2)
	require.Len(t, linear.GetMissing(), 1)
	require.Equal(t, day(2).AsTime(), linear.GetMissing()[0].GetFrom().AsTime())
	require.Equal(t, day(3).AsTime(), linear.GetMissing()[0].GetTo().AsTime())
	require.Equal(t, day(-4).AsTime(), linear.GetHorizon().AsTime())
	require.Equal(t, "permission: may not", res.GetScopes()[1].GetUnreadable())
	require.Nil(t, res.GetScopes()[2].GetHorizon())
	require.Equal(t, "transaction_log", res.GetScopes()[3].GetCategory())

	one, err := c.GetCoverage(t.Context(), &controlv1.GetCoverageRequest{Account: "main", Types: []string{"ledger"}})
	require.NoError(t, err)
	require.Len(t, one.GetScopes(), 1)
	_, err = c.GetCoverage(t.Context(), &controlv1.GetCoverageRequest{Account: "main", Types: []string{"prices"}})
	requireProblem(t, err, connect.CodeInvalidArgument, "data_type")
	require.Contains(t, message(err), "has no history")
	_, err = c.GetCoverage(t.Context(), &controlv1.GetCoverageRequest{Account: "nobody"})
	requireProblem(t, err, connect.CodeNotFound, "account_not_found")
}

func TestABackfillIsPlannedStartedAndWatchedByItsTotals(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	s.Exec(t, `
INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered) VALUES
  ($1, 'fills', 'spot', '{[2026-01-12Z,2026-01-19Z)}'), ($1, 'fills', 'linear', '{[2026-01-12Z,2026-01-19Z)}')`, account.ID)
	request := &controlv1.StartBackfillRequest{
		Account: "main", Types: []string{"fills"}, Since: day(0), Until: day(21), DryRun: true,
	}
	planned, err := c.StartBackfill(t.Context(), request)
	require.NoError(t, err)
	require.Nil(t, planned.GetRun())
	require.Len(t, planned.GetPlan(), 1)
	plan := planned.GetPlan()[0]
	require.EqualValues(t, 2, plan.GetWindows())
	require.EqualValues(t, 2, plan.GetScopes())
	require.Equal(t, day(0).AsTime(), plan.GetFrom().AsTime())
	require.Equal(t, day(21).AsTime(), plan.GetTo().AsTime())
	runs, err := s.Ledger.Runs(t.Context(), ledger.RunFilter{Trigger: syncjob.TriggerBackfill})
	require.NoError(t, err)
	require.Empty(t, runs, "a plan starts nothing")

	request.DryRun = false
	started, err := c.StartBackfill(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, "backfill", started.GetRun().GetTrigger())
	require.Empty(t, started.GetRun().GetJobs(), "totals alone")
	require.EqualValues(t, 2, started.GetRun().GetTotals()[0].GetQueued())
	joined, err := c.StartBackfill(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, started.GetRun().GetId(), joined.GetRun().GetId())
	require.Len(t, joined.GetPlan()[0].GetUnderway(), 2)

	s.Work(apitest.Succeed)
	stream, err := c.WatchRun(t.Context(), &controlv1.WatchRunRequest{Id: started.GetRun().GetId(), TotalsOnly: true})
	require.NoError(t, err)
	defer stream.Close()
	var end *controlv1.Run
	for stream.Receive() {
		end = stream.Msg().GetRun()
		require.Empty(t, end.GetJobs())
	}
	require.NoError(t, stream.Err())
	require.Equal(t, "succeeded", end.GetStatus())
	total := end.GetTotals()[0]
	require.EqualValues(t, 2, total.GetSucceeded())
	require.EqualValues(t, 6, total.GetRowsFetched())
	require.EqualValues(t, 2, total.GetExchangeRequests())
	require.Equal(t, day(0).AsTime(), total.GetWindowFrom().AsTime())
	require.Equal(t, day(21).AsTime(), total.GetWindowTo().AsTime())
	require.NotNil(t, total.GetFirstStartedAt())

	whole, err := c.GetRun(t.Context(), &controlv1.GetRunRequest{Id: end.GetId()})
	require.NoError(t, err)
	require.Len(t, whole.GetRun().GetJobs(), 2)
	require.Equal(t, day(7).AsTime(), whole.GetRun().GetJobs()[0].GetWindowTo().AsTime())
}

func TestNothingMissingIsNoRun(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	s.Exec(t, `
INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered) VALUES
  ($1, 'fills', 'spot', '{[2026-01-05Z,2026-01-19Z)}')`, account.ID)
	told, err := c.StartBackfill(t.Context(), &controlv1.StartBackfillRequest{
		Account: "main", Types: []string{"fills"}, Since: day(0), Until: day(7),
	})
	require.NoError(t, err)
	require.Nil(t, told.GetRun())
	require.Zero(t, told.GetPlan()[0].GetWindows())
}

func TestABackfillRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	request := func(change func(*controlv1.StartBackfillRequest)) error {
		r := &controlv1.StartBackfillRequest{Account: "main", Types: []string{"fills"}, Since: day(0), Until: day(7)}
		change(r)
		_, err := c.StartBackfill(t.Context(), r)
		return err
	}
	requireProblem(t, request(func(r *controlv1.StartBackfillRequest) { r.Since = nil }), connect.CodeInvalidArgument, "time")
	requireProblem(t, request(func(r *controlv1.StartBackfillRequest) { r.Until = day(0) }), connect.CodeInvalidArgument, "time")
	requireProblem(t, request(func(r *controlv1.StartBackfillRequest) { r.Until = &timestamppb.Timestamp{Nanos: -1} }),
		connect.CodeInvalidArgument, "time")
	requireProblem(t, request(func(r *controlv1.StartBackfillRequest) { r.Types = []string{"balances"} }),
		connect.CodeInvalidArgument, "data_type")
	require.NoError(t, s.Ledger.PauseAccount(t.Context(), s.Account(t, "main").ID, "audit"))
	for _, dry := range []bool{false, true} {
		err := request(func(r *controlv1.StartBackfillRequest) { r.DryRun = dry })
		requireProblem(t, err, connect.CodeFailedPrecondition, "account_paused")
		require.Contains(t, message(err), "audit")
	}
}
