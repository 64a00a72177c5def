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

func TestStatusWarnsOfKeysAndGaps(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	account := s.Add(t, "main")
	sh := newShell(t, s)
	for left, want := range map[string]struct {
		says string
		days *int
	}{
		"15 days": {"", nil},
		"13 days": {"within 14 days", new(14)},
		"6 days":  {"WARNING main: its key expires in 5d23h, within 7 days", new(7)},
		"3 hours": {"WARNING main: its key expires in 2h59m, within a day", new(1)},
		"-1 hour": {"WARNING main: its key expired on", new(0)},
	} {
		s.Exec(t, `UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() + $1::text::interval WHERE id = $2`, left, account.ID)
		out := sh.ok(t, "status").stdout
		if want.says == "" {
			require.NotContains(t, out, "expires")
		}
		require.Contains(t, out, want.says)
		require.Equal(t, want.days, decode[statusView](t, sh.ok(t, "status", "--json")).Accounts[0].KeyWarning, left)
	}
	s.Exec(t, `
INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered) VALUES
  ($1, 'orders', 'linear', '{[2026-01-05Z,2026-01-07Z),[2026-01-08Z,2026-01-09Z)}'),
  ($1, 'fills', 'linear', '{[2026-01-05Z,2026-01-09Z)}'), ($1, 'ledger', 'deposit', '{}')`, account.ID)
	require.Contains(t, sh.ok(t, "status").stdout, "gaps in its history")
	words := map[string]string{}
	for _, one := range decode[statusView](t, sh.ok(t, "status", "--json")).Accounts[0].Types {
		words[one.DataType] = one.Coverage
	}
	require.Equal(t, "gaps", words["orders"])
	require.Equal(t, "complete", words["fills"])
	require.Equal(t, "none", words["ledger"])
	require.Empty(t, words["balances"])
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
