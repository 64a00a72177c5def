package api_test

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

func lastHour() *controlv1.ReplayFilter {
	return &controlv1.ReplayFilter{Since: timestamppb.New(time.Now().Add(-time.Hour))}
}

func TestReplayIsPreviewedStartedShownAndCancelled(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	filter := lastHour()
	filter.Account = "main"
	preview, err := c.StartReplay(t.Context(), &controlv1.StartReplayRequest{Filter: filter, DryRun: true})
	require.NoError(t, err)
	require.Empty(t, preview.GetReplay().GetId())
	require.Zero(t, preview.GetReplay().GetJobsFromStream(), "this fleet publishes nothing")
	require.Positive(t, preview.GetReplay().GetJobsFromTables())
	require.NotEmpty(t, preview.GetGroups())
	require.Contains(t, preview.GetGroups()[0].GetSubject(), "sync.job.live.bybit.testnet.")
	none, err := c.ListReplays(t.Context(), &controlv1.ListReplaysRequest{})
	require.NoError(t, err)
	require.Empty(t, none.GetReplays())

	started, err := c.StartReplay(t.Context(), &controlv1.StartReplayRequest{Filter: filter, Rate: 7, Note: "rows are gone"})
	require.NoError(t, err)
	id := started.GetReplay().GetId()
	require.Equal(t, "planning", started.GetReplay().GetStatus())
	s.Replays(t, 1)
	shown, err := c.GetReplay(t.Context(), &controlv1.GetReplayRequest{Id: id, Groups: true})
	require.NoError(t, err)
	require.Equal(t, "running", shown.GetReplay().GetStatus())
	require.Positive(t, shown.GetReplay().GetJobsReplayed())
	require.Equal(t, shown.GetProgress().GetOpen(), sumJobs(shown.GetProgress().GetRuns()))
	require.Len(t, shown.GetProgress().GetRuns(), 1)
	require.Equal(t, "replay", shown.GetProgress().GetRuns()[0].GetTrigger())
	require.NotEmpty(t, shown.GetGroups())

	cancelled, err := c.CancelReplay(t.Context(), &controlv1.CancelReplayRequest{Id: id})
	require.NoError(t, err)
	require.Equal(t, "cancelled", cancelled.GetReplay().GetStatus())
	require.Zero(t, cancelled.GetProgress().GetOpen())
	require.Positive(t, cancelled.GetProgress().GetCancelled())
	all, err := c.ListReplays(t.Context(), &controlv1.ListReplaysRequest{})
	require.NoError(t, err)
	require.Len(t, all.GetReplays(), 1)
	require.Equal(t, "rows are gone", all.GetReplays()[0].GetNote())
	require.Equal(t, "main", all.GetReplays()[0].GetFilter().GetAccount())
	require.NotEmpty(t, all.GetReplays()[0].GetRequestedBy())
}

func sumJobs(runs []*controlv1.Run) (n int64) {
	for _, run := range runs {
		n += int64(run.GetJobsTotal())
	}
	return n
}

func TestReplayRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	for reason, change := range map[string]func(*controlv1.StartReplayRequest){
		"filter":    func(r *controlv1.StartReplayRequest) { r.Filter = nil },
		"rate":      func(r *controlv1.StartReplayRequest) { r.Rate = -1 },
		"status":    func(r *controlv1.StartReplayRequest) { r.Filter.Status = "lost" },
		"data_type": func(r *controlv1.StartReplayRequest) { r.Filter.Types = []string{"dreams"} },
		"exchange":  func(r *controlv1.StartReplayRequest) { r.Filter.Exchange = "*" },
		"run_id":    func(r *controlv1.StartReplayRequest) { r.Filter.RunId = "x" },
		"sequence":  func(r *controlv1.StartReplayRequest) { r.Filter.FromSeq, r.Filter.ToSeq = 9, 8 },
		"time":      func(r *controlv1.StartReplayRequest) { r.Filter.Until = r.GetFilter().GetSince() },
	} {
		request := &controlv1.StartReplayRequest{Filter: lastHour(), DryRun: true}
		change(request)
		_, err := c.StartReplay(t.Context(), request)
		requireProblem(t, err, connect.CodeInvalidArgument, reason)
	}
	_, err := c.StartReplay(t.Context(), &controlv1.StartReplayRequest{Filter: &controlv1.ReplayFilter{RunId: uuid.NewString()}})
	requireProblem(t, err, connect.CodeNotFound, "run_not_found")
	_, err = c.GetReplay(t.Context(), &controlv1.GetReplayRequest{Id: "x"})
	requireProblem(t, err, connect.CodeNotFound, "replay_not_found")
	_, err = c.CancelReplay(t.Context(), &controlv1.CancelReplayRequest{Id: uuid.NewString()})
	requireProblem(t, err, connect.CodeNotFound, "replay_not_found")
	started, err := c.StartReplay(t.Context(), &controlv1.StartReplayRequest{Filter: lastHour()})
	require.NoError(t, err)
	s.Exec(t, `UPDATE alphapulse.replays SET status = $1, finished_at = now()`, string(ledger.ReplayFinished))
	_, err = c.CancelReplay(t.Context(), &controlv1.CancelReplayRequest{Id: started.GetReplay().GetId()})
	requireProblem(t, err, connect.CodeFailedPrecondition, "replay_ended")
	s.Broker.Stop()
	_, err = c.StartReplay(t.Context(), &controlv1.StartReplayRequest{Filter: lastHour(), DryRun: true})
	requireProblem(t, err, connect.CodeUnavailable, "broker_away")
}
