package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestCandles(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "candles", "list").stdout, "candles add linear/BTCUSDT")
	out := sh.ok(t, "candles", "add", "linear/BTCUSDT", "--interval", "60", "--since", "2026-01-05", "--account", "main")
	require.Contains(t, out.stdout, "linear/BTCUSDT 60 of bybit testnet is stored from 2026-01-05 00:00:00 UTC on.")
	sh.ok(t, "candles", "add", "spot/ETHUSDT", "--interval", "D", "--exchange", "bybit", "--env", "mainnet")
	require.Contains(t, sh.ok(t, "candles", "list").stdout, "spot/ETHUSDT")
	type list struct {
		Series []seriesView `json:"series"`
	}
	mine := decode[list](t, sh.ok(t, "candles", "list", "--account", "main", "--json"))
	require.Len(t, mine.Series, 1)
	require.Equal(t, date(0).AsTime(), *mine.Series[0].Since)
	require.Contains(t, sh.ok(t, "candles", "remove", "linear/BTCUSDT", "--interval", "60", "--account", "main").stdout, "its bars stay")
	gone := sh.run(t, "candles", "remove", "linear/BTCUSDT", "--interval", "60", "--account", "main")
	require.Equal(t, exitFailure, gone.code)
	require.Contains(t, gone.stderr, "candles list")
}
