package api_test

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// master answers probes as for a master with one sub-account.
func master(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
	out, facts := apitest.Succeed(job)
	if facts != nil {
		facts.IsMaster = true
		facts.SubAccounts = []ledger.SubAccount{{UID: "777", Name: "hedge", Status: "4", Mode: "unified"}}
	}
	return out, facts
}

func TestSubAccountsAreThoseOfTheLastProbe(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	fleet := s.Work(master)
	added, err := c.AddAccount(t.Context(), addRequest("main"))
	require.NoError(t, err)
	none, err := c.ListSubAccounts(t.Context(), &controlv1.ListSubAccountsRequest{Name: "main"})
	require.NoError(t, err)
	if none.GetListedAt() == nil { // the probe has yet to run
		require.Empty(t, none.GetSubAccounts())
	}
	watch(t, c, added.GetProbe().GetId())
	list := func() *controlv1.ListSubAccountsResponse {
		res, err := c.ListSubAccounts(t.Context(), &controlv1.ListSubAccountsRequest{Name: "main"})
		require.NoError(t, err)
		return res
	}
	require.True(t, list().GetAccount().GetIsMaster())
	require.Len(t, list().GetSubAccounts(), 1)
	require.Equal(t, "frozen", list().GetSubAccounts()[0].GetStatus())
	require.Empty(t, list().GetSubAccounts()[0].GetAccount())

	// A probe that cannot list them leaves them as they were.
	fleet.Set(apitest.Succeed)
	tested, err := c.TestAccount(t.Context(), &controlv1.TestAccountRequest{Name: "main"})
	require.NoError(t, err)
	watch(t, c, tested.GetProbe().GetId())
	require.Len(t, list().GetSubAccounts(), 1)

	fleet.Set(apitest.Hold) // its probe would find another UID than was expected
	sub := addRequest("hedge")
	sub.Exchange, sub.Environment, sub.SubOf, sub.ExpectedUid = "", "", "main", "777"
	taken, err := c.AddAccount(t.Context(), sub)
	require.NoError(t, err)
	require.Equal(t, "https://api-testnet.example.com", taken.GetAccount().GetBaseUrl())
	require.Equal(t, "777", taken.GetAccount().GetExpectedUid())
	require.Equal(t, "hedge", list().GetSubAccounts()[0].GetAccount())
}

func TestASubAccountMustBeOneOfItsMasters(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Work(master)
	added, err := c.AddAccount(t.Context(), addRequest("main"))
	require.NoError(t, err)
	watch(t, c, added.GetProbe().GetId())
	add := func(change func(*controlv1.AddAccountRequest)) error {
		r := addRequest("sub")
		r.Exchange, r.Environment, r.SubOf, r.ExpectedUid = "", "", "main", "777"
		change(r)
		_, err := c.AddAccount(t.Context(), r)
		return err
	}
	requireProblem(t, add(func(r *controlv1.AddAccountRequest) { r.ExpectedUid = "" }), connect.CodeInvalidArgument, "sub_of")
	requireProblem(t, add(func(r *controlv1.AddAccountRequest) { r.Environment = "mainnet" }), connect.CodeInvalidArgument, "sub_of")
	requireProblem(t, add(func(r *controlv1.AddAccountRequest) { r.ExpectedUid = "7 7" }), connect.CodeInvalidArgument, "uid")
	requireProblem(t, add(func(r *controlv1.AddAccountRequest) { r.ExpectedUid = "424242" }), connect.CodeInvalidArgument, "uid")
	requireProblem(t, add(func(r *controlv1.AddAccountRequest) { r.SubOf = "nobody" }), connect.CodeNotFound, "account_not_found")
	err = add(func(r *controlv1.AddAccountRequest) { r.ExpectedUid = "778" })
	requireProblem(t, err, connect.CodeFailedPrecondition, "no_such_sub_account")
	require.NoError(t, add(func(*controlv1.AddAccountRequest) {}))
}
