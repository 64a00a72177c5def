package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
)

// holdSome stores a row of each kind.
func holdSome(t *testing.T, s *apitest.Server) {
	t.Helper()
	account := s.Add(t, "main")
	for _, statement := range []string{
		`INSERT INTO alphapulse.balances (account_id, wallet, asset, total, run_id, as_of, observed_at)
VALUES ($1, 'unified', 'BTC', 0.100000000000000001, gen_random_uuid(), clock_timestamp(), clock_timestamp())`,
		`INSERT INTO alphapulse.positions (account_id, category, symbol, position_idx, side, size, scope, run_id, as_of, observed_at)
VALUES ($1, 'linear', 'BTCUSDT', 0, 'short', 3, 'linear:USDT', gen_random_uuid(), clock_timestamp(), clock_timestamp())`,
		`INSERT INTO alphapulse.orders (account_id, category, order_id, symbol, side, status, price, fees, run_id, as_of, observed_at, created_at)
SELECT $1, 'spot', 'order-' || i, 'BTCUSDT', 'buy', 'open', 64000.50, '{"USDT": "0.1"}', gen_random_uuid(), clock_timestamp(),
       clock_timestamp(), clock_timestamp() FROM generate_series(1, 3) i`,
		`INSERT INTO alphapulse.fills (account_id, category, exec_id, symbol, price, fee, fee_asset, executed_at, scope, run_id, as_of, observed_at)
VALUES ($1, 'spot', 'exec-1', 'BTCUSDT', 64000.50, 0.01, 'USDT', clock_timestamp(), 'spot', gen_random_uuid(), clock_timestamp(), clock_timestamp())`,
	} {
		s.Exec(t, statement, account.ID)
	}
	s.Exec(t, `
INSERT INTO alphapulse.prices (market_id, category, symbol, last, scope, run_id, as_of, observed_at)
VALUES ($1, 'spot', 'BTCUSDT', 64000.5, 'spot', gen_random_uuid(), clock_timestamp(), clock_timestamp())`, account.MarketID)
}

func TestShow(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "show", "portfolio").stdout, "no accounts yet")
	holdSome(t, s)
	for _, c := range []struct {
		args  []string
		words []string
	}{
		{[]string{"show", "portfolio"}, []string{"6400.0500000000000640005 USDT net", "BTCUSDT"}},
		{[]string{"show", "balances", "main"}, []string{"0.100000000000000001", "As of", "unified"}},
		{[]string{"show", "positions", "main", "--symbol", "BTCUSDT"}, []string{"short", "3"}},
		{[]string{"show", "orders", "main", "--status", "open", "--limit", "2"}, []string{"64000.50", "There are more: --page"}},
		{[]string{"show", "fills", "main"}, []string{"0.01 USDT"}},
		{[]string{"show", "prices", "main", "--category", "spot", "--symbol", "BTCUSDT,ETHUSDT"}, []string{"64000.5"}},
		{[]string{"show", "balances", "main", "--at", "2026-01-31"}, []string{"As it was at 2026-01-31"}},
	} {
		out := sh.ok(t, c.args...).stdout
		for _, words := range c.words {
			require.Contains(t, out, words, c.args)
		}
	}
	var answer struct {
		State  dataStateView `json:"state"`
		Orders []struct {
			ID    string            `json:"order_id"`
			Price *string           `json:"price"`
			Fees  map[string]string `json:"fees"`
			Qty   *string           `json:"quantity"`
		} `json:"orders"`
		Next string `json:"next_page_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(sh.ok(t, "show", "orders", "main", "--limit", "2", "--json").stdout), &answer))
	require.Len(t, answer.Orders, 2)
	require.Equal(t, "64000.50", *answer.Orders[0].Price, "a text, which no reader rounds")
	require.Equal(t, "0.1", answer.Orders[0].Fees["USDT"])
	require.Nil(t, answer.Orders[0].Qty)
	require.True(t, *answer.State.Complete)
	require.NoError(t, json.Unmarshal([]byte(sh.ok(t, "show", "orders", "main", "--page", answer.Next, "--json").stdout), &answer))
	require.Len(t, answer.Orders, 1)

	for _, wrong := range [][]string{
		{"show", "gossip", "main"},
		{"show", "balances"},
		{"show", "orders", "main", "--limit", "1001"},
		{"show", "fills", "main", "--since", "yesterday"},
		{"show", "fills", "main", "--since", "2026-01-02", "--until", "2026-01-01"},
	} {
		require.Equal(t, exitUsage, sh.run(t, wrong...).code, wrong)
	}
	require.Contains(t, sh.run(t, "show", "balances", "main", "--wallet", "purse").stderr, "unified")
}

func TestExportWritesWholeFiles(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	sh := newShell(t, s)
	holdSome(t, s)
	require.Contains(t, sh.ok(t, "export", "--list").stdout, "orders_history")
	require.Contains(t, sh.ok(t, "export", "balances").stdout, "unified,BTC,0.100000000000000001,")
	dir := t.TempDir()
	path := filepath.Join(dir, "orders.parquet")
	var told struct {
		Format string `json:"format"`
		Rows   int64  `json:"rows"`
		Bytes  int64  `json:"bytes"`
	}
	require.NoError(t, json.Unmarshal([]byte(sh.ok(t, "export", "orders", "--account", "main", "-o", path, "--json").stdout), &told))
	require.Equal(t, "parquet", told.Format, "by the name")
	require.EqualValues(t, 3, told.Rows)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, content, int(told.Bytes))
	require.Equal(t, "PAR1", string(content[:4]))
	require.Equal(t, "PAR1", string(content[len(content)-4:]))

	require.NoError(t, os.Remove(path))
	require.Equal(t, exitFailure, sh.run(t, "export", "account_credentials", "-o", path).code)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "a file appears when it is whole, and nothing else stays")
	require.Contains(t, sh.run(t, "export", "account_credentials").stderr, "export --list")
	require.Contains(t, sh.run(t, "export", "fills", "-o", filepath.Join(dir, "none", "x.csv")).stderr, "no such file")
	for _, wrong := range [][]string{
		{"export"}, {"export", "fills", "--format", "xls"}, {"export", "--list", "fills"}, {"export", "fills", "--json"},
	} {
		require.Equal(t, exitUsage, sh.run(t, wrong...).code, wrong)
	}
}
