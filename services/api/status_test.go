package api_test

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestStatusTellsFreshnessAndWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	s.Add(t, "other")
	for _, statement := range []string{
		`INSERT INTO alphapulse.sync_scopes (account_id, data_type, scope, complete, error_class, error_code, error_message)
SELECT id, 'positions', 'linear:USDC', false, 'permission', '10005', 'may not' FROM alphapulse.accounts WHERE name = 'main'`,
		`UPDATE alphapulse.markets SET stretch = 2.5`,
	} {
		_, err := s.DB.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, s.Ledger.BanEgress(t.Context(), "host-1", account.MarketID, "too many requests", time.Minute))
	require.NoError(t, s.Ledger.PauseMarket(t.Context(), account.MarketID, time.Minute, "worker-1"))

	res, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{Account: "main"})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), res.GetReadAt().AsTime(), time.Minute)
	require.Len(t, res.GetAccounts(), 1)
	types := res.GetAccounts()[0].GetTypes()
	require.Len(t, types, 8)
	require.Equal(t, "balances", types[0].GetDataType())
	require.False(t, types[0].GetStale())
	require.True(t, types[0].GetComplete())
	require.NotNil(t, types[0].GetAge())
	require.Equal(t, "positions", types[1].GetDataType())
	require.False(t, types[1].GetComplete())
	require.Equal(t, "linear:USDC", types[1].GetUnreadScopes()[0].GetScope())
	require.Equal(t, "may not", types[1].GetUnreadScopes()[0].GetErrorMessage())
	require.InDelta(t, 2.5, res.GetMarkets()[0].GetStretch(), 0)
	require.Equal(t, "host-1", res.GetBans()[0].GetEgress())
	require.Equal(t, "maintenance", res.GetPauses()[0].GetReason())
	require.Equal(t, s.Opener.Fingerprint(), res.GetVaultKeyFingerprint())

	all, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	require.NoError(t, err)
	require.Len(t, all.GetAccounts(), 2)

	_, err = c.GetStatus(t.Context(), &controlv1.GetStatusRequest{Account: "nobody"})
	requireProblem(t, err, connect.CodeNotFound, "account_not_found")
}
