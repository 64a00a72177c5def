package api_test

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestDriftIsListedAndRepaired(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	s.Work(func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		if job.Trigger == syncjob.TriggerVerify {
			s.Drift(t, job)
		}
		return apitest.Succeed(job)
	})
	started, err := c.StartVerify(t.Context(), &controlv1.StartVerifyRequest{Account: "main", Types: []string{"balances"}})
	require.NoError(t, err)
	require.Equal(t, "verify", started.GetRun().GetTrigger())
	id := started.GetRun().GetId()
	require.Equal(t, "succeeded", last(watch(t, c, id)).GetStatus())

	found, err := c.GetVerification(t.Context(), &controlv1.GetVerificationRequest{RunId: id})
	require.NoError(t, err)
	require.Len(t, found.GetScopes(), 1)
	require.EqualValues(t, 10, found.GetScopes()[0].GetRowsCompared())
	require.EqualValues(t, 2, found.GetScopes()[0].GetRowsMoved())
	require.EqualValues(t, 3, found.GetDriftTotal())
	changed := found.GetDrift()[0]
	require.Equal(t, "changed", changed.GetKind())
	require.Equal(t, "total", changed.GetColumn())
	require.Equal(t, "1.5", changed.GetStored())
	require.Equal(t, "2.5", changed.GetExchange())
	require.Nil(t, found.GetDrift()[1].Stored, "NULL is not the empty text")
	few, err := c.GetVerification(t.Context(), &controlv1.GetVerificationRequest{RunId: id, Limit: 1})
	require.NoError(t, err)
	require.Len(t, few.GetDrift(), 1)
	require.EqualValues(t, 3, few.GetDriftTotal())

	status, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{Account: "main"})
	require.NoError(t, err)
	require.Equal(t, id, status.GetAccounts()[0].GetVerify().GetRunId())
	require.EqualValues(t, 3, status.GetAccounts()[0].GetVerify().GetDrifted())

	repair, err := c.StartRepair(t.Context(), &controlv1.StartRepairRequest{Account: "main", VerifyRunId: id})
	require.NoError(t, err)
	require.Equal(t, "repair", repair.GetRun().GetTrigger())
	require.Equal(t, "succeeded", last(watch(t, c, repair.GetRun().GetId())).GetStatus())
}

func TestVerifyRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	s.Add(t, "other")
	_, err := c.StartVerify(t.Context(), &controlv1.StartVerifyRequest{Account: "main", Types: []string{"prices"}})
	requireProblem(t, err, connect.CodeInvalidArgument, "data_type")
	_, err = c.StartVerify(t.Context(), &controlv1.StartVerifyRequest{Account: "main", Sample: 1.5})
	requireProblem(t, err, connect.CodeInvalidArgument, "sample")
	_, err = c.StartVerify(t.Context(), &controlv1.StartVerifyRequest{Account: "main", Since: day(1), Until: day(1)})
	requireProblem(t, err, connect.CodeInvalidArgument, "time")
	_, err = c.StartVerify(t.Context(), &controlv1.StartVerifyRequest{Account: "main", Types: []string{"ledger"}})
	requireProblem(t, err, connect.CodeFailedPrecondition, "nothing_to_verify")
	_, err = c.GetVerification(t.Context(), &controlv1.GetVerificationRequest{RunId: "nonsense"})
	requireProblem(t, err, connect.CodeNotFound, "not_found")
	_, err = c.GetVerification(t.Context(), &controlv1.GetVerificationRequest{Limit: maxDrift + 1})
	requireProblem(t, err, connect.CodeInvalidArgument, "limit")

	started, err := c.StartVerify(t.Context(), &controlv1.StartVerifyRequest{Account: "main", Types: []string{"balances"}})
	require.NoError(t, err)
	_, err = c.StartRepair(t.Context(), &controlv1.StartRepairRequest{Account: "main", VerifyRunId: started.GetRun().GetId()})
	requireProblem(t, err, connect.CodeFailedPrecondition, "still_verifying")
	_, err = c.StartRepair(t.Context(), &controlv1.StartRepairRequest{Account: "other", VerifyRunId: started.GetRun().GetId()})
	requireProblem(t, err, connect.CodeNotFound, "not_found")
	s.Work(apitest.Succeed)
	watch(t, c, started.GetRun().GetId())
	none, err := c.StartRepair(t.Context(), &controlv1.StartRepairRequest{Account: "main", VerifyRunId: started.GetRun().GetId()})
	require.NoError(t, err)
	require.Nil(t, none.GetRun())
}

// maxDrift is the API's own bound.
const maxDrift = 10000
