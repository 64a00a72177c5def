package api_test

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestQuarantineIsListedShownRetriedAndDropped(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	main, other := s.Add(t, "main"), s.Add(t, "other")
	first := s.Quarantine(t, main.ID, "orders", `{"orderId": 1}`)
	second := s.Quarantine(t, main.ID, "fills", `{"execId": 1}`)
	third := s.Quarantine(t, other.ID, "orders", `{"orderId": 2}`)

	all, err := c.ListQuarantine(t.Context(), &controlv1.ListQuarantineRequest{Limit: 2})
	require.NoError(t, err)
	require.EqualValues(t, 3, all.GetTotal())
	require.Len(t, all.GetRows(), 2)
	require.Equal(t, third, all.GetRows()[0].GetId(), "the newest first")
	require.Empty(t, all.GetRows()[0].GetPayload(), "not in lists")
	narrow, err := c.ListQuarantine(t.Context(), &controlv1.ListQuarantineRequest{Account: "main", DataType: "orders"})
	require.NoError(t, err)
	require.EqualValues(t, 1, narrow.GetTotal())
	require.Equal(t, first, narrow.GetRows()[0].GetId())
	require.Equal(t, "main", narrow.GetRows()[0].GetAccount())

	one, err := c.GetQuarantined(t.Context(), &controlv1.GetQuarantinedRequest{Id: second})
	require.NoError(t, err)
	require.JSONEq(t, `{"execId": 1}`, one.GetRow().GetPayload())
	status, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{Account: "main"})
	require.NoError(t, err)
	require.EqualValues(t, 2, status.GetAccounts()[0].GetQuarantined())

	retried, err := c.RetryQuarantine(t.Context(), &controlv1.RetryQuarantineRequest{All: true})
	require.NoError(t, err)
	require.EqualValues(t, 3, retried.GetRows())
	require.Len(t, retried.GetRuns(), 2, "one for each account")

	dropped, err := c.DropQuarantine(t.Context(), &controlv1.DropQuarantineRequest{Ids: []int64{first}})
	require.NoError(t, err)
	require.EqualValues(t, 1, dropped.GetRows())
	_, err = c.DropQuarantine(t.Context(), &controlv1.DropQuarantineRequest{Ids: []int64{second, first}})
	requireProblem(t, err, connect.CodeNotFound, "row_not_found")
	_, err = c.GetQuarantined(t.Context(), &controlv1.GetQuarantinedRequest{Id: second})
	require.NoError(t, err, "nothing is dropped by a call with a mistake in it")
	dropped, err = c.DropQuarantine(t.Context(), &controlv1.DropQuarantineRequest{All: true})
	require.NoError(t, err)
	require.EqualValues(t, 2, dropped.GetRows())
	empty, err := c.RetryQuarantine(t.Context(), &controlv1.RetryQuarantineRequest{All: true})
	require.NoError(t, err)
	require.Empty(t, empty.GetRuns())
}

func TestQuarantineRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	_, err := c.ListQuarantine(t.Context(), &controlv1.ListQuarantineRequest{DataType: "dreams"})
	requireProblem(t, err, connect.CodeInvalidArgument, "data type")
	_, err = c.ListQuarantine(t.Context(), &controlv1.ListQuarantineRequest{Limit: 1001})
	requireProblem(t, err, connect.CodeInvalidArgument, "limit")
	_, err = c.GetQuarantined(t.Context(), &controlv1.GetQuarantinedRequest{Id: 99})
	requireProblem(t, err, connect.CodeNotFound, "row_not_found")
	for _, request := range []*controlv1.RetryQuarantineRequest{{}, {Ids: []int64{1}, All: true}} {
		_, err = c.RetryQuarantine(t.Context(), request)
		requireProblem(t, err, connect.CodeInvalidArgument, "rows")
	}
	_, err = c.RetryQuarantine(t.Context(), &controlv1.RetryQuarantineRequest{Ids: []int64{99}})
	requireProblem(t, err, connect.CodeNotFound, "row_not_found")
	id := s.Quarantine(t, account.ID, "orders", `{}`)
	require.NoError(t, s.Ledger.PauseAccount(t.Context(), account.ID, "audit"))
	_, err = c.RetryQuarantine(t.Context(), &controlv1.RetryQuarantineRequest{Ids: []int64{id}})
	requireProblem(t, err, connect.CodeFailedPrecondition, "account_not_active")
}
