package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "status").stdout, "no accounts yet")
	account := s.Add(t, "main")
	s.Add(t, "other")
	for _, statement := range []string{
		`INSERT INTO alphapulse.sync_scopes (account_id, data_type, scope, complete, error_class, error_message)
SELECT id, 'positions', 'linear:USDC', false, 'permission', E'may\nnot' FROM alphapulse.accounts WHERE name = 'main'`,
		`UPDATE alphapulse.markets SET stretch = 2.5`,
		`UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() + interval '50 hours' WHERE name = 'main'`,
		`UPDATE alphapulse.sync_state SET consecutive_failures = 4, last_error_class = 'transient', last_error_message = 'HTTP 500',
    as_of = as_of - interval '1 hour' WHERE data_type = 'orders'`,
	} {
		_, err := s.DB.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, s.Ledger.BanEgress(t.Context(), "host-1", account.MarketID, "too many requests", time.Minute))
	require.NoError(t, s.Ledger.PauseMarket(t.Context(), account.MarketID, time.Minute, "worker-1"))

	out := sh.ok(t, "status", "main").stdout
	for _, words := range []string{
		"linear:USDC: not read (permission: may not)", "2.5 times as long", "expires in 2d01h", "failed 4 times in a row (transient: HTTP 500)",
		"refuses host-1 until", "paused: bybit testnet until", "fresh", "stale", "incomplete", "1h00m",
	} {
		require.Contains(t, out, words)
	}
	require.NotContains(t, out, "other")
	view := decode[statusView](t, sh.ok(t, "status", "--json"))
	require.Len(t, view.Accounts, 2)
	require.Len(t, view.Accounts[0].Types, 8, "candles are read once a series is chosen, the probe is no data")
	require.InDelta(t, 3600, *view.Accounts[0].Types[2].AgeSeconds, 60)
	require.True(t, view.Accounts[0].Types[2].Stale)
	require.Equal(t, "linear:USDC", view.Accounts[0].Types[1].UnreadScopes[0].Scope)

	require.Equal(t, exitFailure, sh.run(t, "status", "nobody").code)
}

func TestWatchingTheStatusEndsInOrder(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	sh := newShell(t, s)
	var cancel context.CancelFunc
	sh.ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	out := sh.run(t, "status", "--watch", "--interval", "100ms", "--json")
	require.Zero(t, out.code, out.stderr)
	decoder := json.NewDecoder(strings.NewReader(out.stdout))
	documents := 0
	for decoder.More() {
		var view statusView
		require.NoError(t, decoder.Decode(&view))
		documents++
	}
	require.Greater(t, documents, 1)
}
