package api_test

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestAPauseIsMadeShownAndEnded(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	s.Add(t, "other")
	scope := &controlv1.PauseScope{Exchange: "bybit", Types: []string{"orders"}}
	would, err := c.CreatePause(t.Context(), &controlv1.CreatePauseRequest{Scope: scope, Note: "release", DryRun: true})
	require.NoError(t, err)
	require.EqualValues(t, 2, would.GetSchedules())
	require.Empty(t, would.GetPauses())
	made, err := c.CreatePause(t.Context(), &controlv1.CreatePauseRequest{
		Scope: scope, Note: "release", By: "anna", Lasting: durationpb.New(time.Hour),
	})
	require.NoError(t, err)
	_, err = c.CreatePause(t.Context(), &controlv1.CreatePauseRequest{
		Scope: &controlv1.PauseScope{Account: "other"}, Note: "later", From: timestamppb.New(time.Now().Add(time.Hour)),
	})
	require.NoError(t, err)

	all, err := c.ListPauses(t.Context(), &controlv1.ListPausesRequest{})
	require.NoError(t, err)
	require.Len(t, all.GetPauses(), 2)
	first := all.GetPauses()[0]
	require.Equal(t, []string{"bybit", "orders", "anna", "release"},
		[]string{first.GetExchange(), first.GetDataType(), first.GetCreatedBy(), first.GetReason()})
	require.True(t, first.GetInForce())
	require.False(t, all.GetPauses()[1].GetInForce())
	require.Equal(t, "other", all.GetPauses()[1].GetAccount())

	state, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{Account: "main"})
	require.NoError(t, err)
	require.Len(t, state.GetPauses(), 1, "that of the other account does not concern this one")
	for _, d := range state.GetAccounts()[0].GetTypes() {
		require.Equal(t, d.GetDataType() == "orders", d.GetPaused(), d.GetDataType())
	}
	all2, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	require.NoError(t, err)
	require.Len(t, all2.GetPauses(), 2)

	for _, dry := range []bool{true, false} {
		_, err = c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main", DryRun: dry})
		p := requireProblem(t, err, connect.CodeFailedPrecondition, "paused")
		require.ErrorContains(t, err, "orders are paused until")
		require.ErrorContains(t, err, "by anna: release")
		require.True(t, p.GetRetryHelps(), "it ends by itself")
		require.Contains(t, p.GetNextStep(), "resume --id "+made.GetPauses()[0].GetId())
		require.Contains(t, p.GetNextStep(), "sync main --type balances,positions,prices")
	}
	_, err = c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main", Types: []string{"balances"}})
	require.NoError(t, err, "everything else goes on")

	dry, err := c.EndPause(t.Context(), &controlv1.EndPauseRequest{Scope: scope, DryRun: true})
	require.NoError(t, err)
	require.Len(t, dry.GetPauses(), 1)
	ended, err := c.EndPause(t.Context(), &controlv1.EndPauseRequest{Scope: scope})
	require.NoError(t, err)
	require.Len(t, ended.GetPauses(), 1)
	_, err = c.EndPause(t.Context(), &controlv1.EndPauseRequest{Scope: scope})
	requireProblem(t, err, connect.CodeNotFound, "pause_not_found")
	_, err = c.EndPause(t.Context(), &controlv1.EndPauseRequest{Id: made.GetPauses()[0].GetId()})
	requireProblem(t, err, connect.CodeNotFound, "pause_not_found")
	_, err = c.EndPause(t.Context(), &controlv1.EndPauseRequest{All: true})
	require.NoError(t, err)
	left, err := c.ListPauses(t.Context(), &controlv1.ListPausesRequest{})
	require.NoError(t, err)
	require.Empty(t, left.GetPauses())
}

func TestAPauseThatWouldNotDoWhatIsMeantIsRefused(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	orders := &controlv1.PauseScope{Types: []string{"orders"}}
	past := timestamppb.New(time.Now().Add(-time.Hour))
	for reason, requests := range map[string][]*controlv1.CreatePauseRequest{
		"scope": {{Note: "x"}, {Note: "x", Scope: orders, Everything: true}},
		"note": {
			{Scope: orders},
			{Scope: &controlv1.PauseScope{MarketId: account.MarketID}, Note: "maintenance"},
			{Scope: orders, Note: "x", By: "a\x00b"},
		},
		"until": {
			{Scope: orders, Note: "x", Until: past},
			{Scope: orders, Note: "x", Until: timestamppb.New(time.Now().Add(time.Hour)), Lasting: durationpb.New(time.Hour)},
			{Scope: orders, Note: "x", Lasting: durationpb.New(-time.Hour)},
		},
		"time":      {{Scope: orders, Note: "x", From: timestamppb.Now(), Until: past}},
		"lane":      {{Scope: &controlv1.PauseScope{Lane: "fast"}, Note: "x"}},
		"data type": {{Scope: &controlv1.PauseScope{Types: []string{"all"}}, Note: "x"}, {Scope: &controlv1.PauseScope{Account: "main", Types: []string{"prices"}}, Note: "x"}},
	} {
		for _, request := range requests {
			_, err := c.CreatePause(t.Context(), request)
			requireProblem(t, err, connect.CodeInvalidArgument, reason)
		}
	}
	for reason, scope := range map[string]*controlv1.PauseScope{
		"account_not_found": {Account: "nobody"}, "market_not_found": {Exchange: "bybti"},
	} {
		_, err := c.CreatePause(t.Context(), &controlv1.CreatePauseRequest{Scope: scope, Note: "x"})
		requireProblem(t, err, connect.CodeNotFound, reason)
	}
	_, err := c.EndPause(t.Context(), &controlv1.EndPauseRequest{Scope: orders, All: true})
	requireProblem(t, err, connect.CodeInvalidArgument, "scope")
	left, err := c.ListPauses(t.Context(), &controlv1.ListPausesRequest{})
	require.NoError(t, err)
	require.Empty(t, left.GetPauses())
}
