package api_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestDeadLettersAreListedShownRequeuedAndDiscarded(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	main, other := s.Add(t, "main"), s.Add(t, "other")
	first := s.Dead(t, main, syncjob.Balances)
	second := s.Dead(t, main, syncjob.Positions)
	third := s.Dead(t, other, syncjob.Balances)

	page, err := c.ListDead(t.Context(), &controlv1.ListDeadRequest{PageSize: 2})
	require.NoError(t, err)
	require.EqualValues(t, 3, page.GetTotal())
	require.Equal(t, []string{third, second}, idsOf(page.GetLetters()))
	page, err = c.ListDead(t.Context(), &controlv1.ListDeadRequest{PageSize: 2, PageToken: page.GetNextPageToken()})
	require.NoError(t, err)
	require.Equal(t, []string{first}, idsOf(page.GetLetters()))
	require.Empty(t, page.GetNextPageToken())
	narrow, err := c.ListDead(t.Context(), &controlv1.ListDeadRequest{Account: "main", DataType: "balances", ErrorClass: "transient"})
	require.NoError(t, err)
	require.Equal(t, []string{first}, idsOf(narrow.GetLetters()))

	shown, err := c.GetDead(t.Context(), &controlv1.GetDeadRequest{JobId: first})
	require.NoError(t, err)
	require.Len(t, shown.GetAttempts(), 3)
	require.Equal(t, "attempt 2 broke", shown.GetAttempts()[1].GetErrorMessage())
	require.Equal(t, "manual", shown.GetLetter().GetTrigger())

	all := &controlv1.DeadSelection{All: true}
	preview, err := c.RequeueDead(t.Context(), &controlv1.RequeueDeadRequest{Selection: all, DryRun: true})
	require.NoError(t, err)
	require.Len(t, preview.GetDecisions(), 3)
	require.Empty(t, preview.GetRuns())
	requeued, err := c.RequeueDead(t.Context(), &controlv1.RequeueDeadRequest{
		Selection: &controlv1.DeadSelection{Account: "main"}, Note: "mended",
	})
	require.NoError(t, err)
	require.Len(t, requeued.GetRuns(), 1)
	require.Equal(t, "replay", requeued.GetRuns()[0].GetTrigger())
	require.EqualValues(t, 2, requeued.GetRuns()[0].GetJobsTotal())
	discarded, err := c.DiscardDead(t.Context(), &controlv1.DiscardDeadRequest{Selection: all, Note: "known"})
	require.NoError(t, err)
	require.Len(t, discarded.GetDecisions(), 1)
	left, err := c.ListDead(t.Context(), &controlv1.ListDeadRequest{})
	require.NoError(t, err)
	require.Empty(t, left.GetLetters())
	kept, err := c.ListDead(t.Context(), &controlv1.ListDeadRequest{Resolved: true})
	require.NoError(t, err)
	require.Len(t, kept.GetLetters(), 3)
	require.Equal(t, "known", kept.GetLetters()[0].GetResolution().GetNote())
	require.Equal(t, "queued", kept.GetLetters()[1].GetResolution().GetReplacementStatus())
}

func idsOf(letters []*controlv1.DeadLetter) (ids []string) {
	for _, d := range letters {
		ids = append(ids, d.GetJobId())
	}
	return ids
}

func TestDeadServiceRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	dead := s.Dead(t, s.Add(t, "main"), syncjob.Balances)
	for reason, request := range map[string]*controlv1.ListDeadRequest{
		"data type": {DataType: "dreams"}, "error class": {ErrorClass: "bad luck"}, "page_size": {PageSize: 501},
		"page_token": {PageToken: "x"},
	} {
		_, err := c.ListDead(t.Context(), request)
		requireProblem(t, err, connect.CodeInvalidArgument, reason)
	}
	_, err := c.GetDead(t.Context(), &controlv1.GetDeadRequest{JobId: "x"})
	requireProblem(t, err, connect.CodeInvalidArgument, "job_id")
	_, err = c.GetDead(t.Context(), &controlv1.GetDeadRequest{JobId: uuid.NewString()})
	requireProblem(t, err, connect.CodeNotFound, "letter_not_found")
	for _, sel := range []*controlv1.DeadSelection{
		nil, {JobIds: []string{dead}, All: true}, {JobIds: []string{dead}, Account: "main"}, {All: true, Account: "main"},
	} {
		_, err = c.RequeueDead(t.Context(), &controlv1.RequeueDeadRequest{Selection: sel})
		requireProblem(t, err, connect.CodeInvalidArgument, "selection")
	}
	_, err = c.DiscardDead(t.Context(), &controlv1.DiscardDeadRequest{
		Selection: &controlv1.DeadSelection{JobIds: []string{dead, uuid.NewString()}},
	})
	requireProblem(t, err, connect.CodeNotFound, "letter_not_found")
	open, err := c.ListDead(t.Context(), &controlv1.ListDeadRequest{})
	require.NoError(t, err)
	require.Len(t, open.GetLetters(), 1, "nothing is discarded by a call with a mistake in it")
}

func TestTableAndStreamOfTheDeadAreCompared(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	q := s.Broker.Queue()
	told, lost, silent := s.Dead(t, account, syncjob.Balances), s.Dead(t, account, syncjob.Positions), s.Dead(t, account, syncjob.Orders)
	publish := func(id string) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		require.NoError(t, q.PublishDead(ctx, queue.DeadJob{
			JobID: id, RunID: uuid.NewString(), Exchange: "bybit", Environment: "testnet", DataType: syncjob.Balances,
			Lane: syncjob.Live, Subject: syncjob.Subject{Kind: syncjob.Account, ID: account.ID},
		}))
	}
	stranger := uuid.NewString()
	publish(told)
	publish(stranger)
	require.NoError(t, s.Ledger.JobsAnnounced(t.Context(), []string{told, lost}))
	found, err := c.CheckDead(t.Context(), &controlv1.CheckDeadRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 3, found.GetInTable())
	require.EqualValues(t, 2, found.GetInStream())
	require.Equal(t, []string{lost}, found.GetMissing())
	require.EqualValues(t, 1, found.GetUnannounced(), silent)
	require.Equal(t, []string{stranger}, found.GetUnknown())
	require.Zero(t, found.GetPutBack())

	found, err = c.CheckDead(t.Context(), &controlv1.CheckDeadRequest{Announce: true})
	require.NoError(t, err)
	require.EqualValues(t, 1, found.GetPutBack())
	news, err := s.Ledger.UnannouncedJobs(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, news, 2, "the sweep announces them")
	publish(lost)
	publish(silent)
	require.NoError(t, s.Ledger.JobsAnnounced(t.Context(), []string{lost, silent}))
	found, err = c.CheckDead(t.Context(), &controlv1.CheckDeadRequest{})
	require.NoError(t, err)
	require.Empty(t, found.GetMissing())
	require.Zero(t, found.GetUnannounced())
	s.Broker.Stop()
	_, err = c.CheckDead(t.Context(), &controlv1.CheckDeadRequest{})
	requireProblem(t, err, connect.CodeUnavailable, "broker_away")
}
