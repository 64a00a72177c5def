package bybit

import (
	"testing"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func positions(t *testing.T, scope exchange.Scope, body []byte) exchange.Snapshot[exchange.Position] {
	t.Helper()
	stand := newStand(t)
	stand.on(positionList, byCursor(map[string][]byte{"": body, "BTCUSDT%2C1767000000001%2C0": fixture(t, "edge/position-list.empty.json")}))
	return stand.client(t).Positions(t.Context(), scope)
}

func TestGotcha3And9PositionsAreExactAndAskedPerSettleCoin(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(positionList, always(fixture(t, "edge/position-list.linear.one-way.json")))
	client := stand.client(t)
	require.Equal(t, []exchange.Scope{"linear:USDT", "linear:USDC", "inverse", "option"}, client.PositionScopes())
	for _, scope := range client.PositionScopes() {
		got := client.Positions(t.Context(), scope)
		require.True(t, got.Complete)
		require.Len(t, got.Rows, 2)
	}
	var asked []string
	for _, r := range stand.asked(positionList) {
		q := r.URL.Query()
		asked = append(asked, q.Get("category")+" "+q.Get("settleCoin")+" "+q.Get("limit"))
	}
	require.Equal(t, []string{"linear USDT 200", "linear USDC 200", "inverse  200", "option  200"}, asked)
}

func TestPositionColumns(t *testing.T) {
	t.Parallel()
	got := positions(t, option, fixture(t, "edge/position-list.option.json"))
	require.True(t, got.Complete)
	require.Equal(t, fixtureTime, got.AsOf)
	require.Equal(t, []exchange.Position{{
		Category: "option", Symbol: "BTC-27MAR26-70000-P-USDT", Side: "short", Size: "0.1",
		EntryPrice: "1250", MarkPrice: "50500.00", UnrealizedPnL: "250", RealizedPnL: "0",
		InitialMargin: "2500.1", MaintenanceMargin: "250.1", SettleAsset: "USDT",
	}}, got.Rows)
}

func TestGotcha10FlatRowsAreClosedNotShort(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"edge/position-list.linear.zero-size.json", "edge/position-list.linear.never-traded.missing-fields.json"} {
		got := positions(t, "linear:USDT", fixture(t, name))
		require.True(t, got.Complete, name)
		require.Empty(t, got.Rows, name)
		require.Empty(t, got.Faults, name)
	}
	got := positions(t, "linear:USDT", list("", `{"symbol":"BTCUSDT","positionIdx":0,"side":"","size":"3"}`, `{"symbol":"ETHUSDT","positionIdx":"1"}`))
	require.Empty(t, got.Rows)
	require.Len(t, got.Faults, 2, "open or not cannot be told")
	require.Equal(t, "linear/BTCUSDT/0", got.Faults[0].Key)
	require.Equal(t, "linear/ETHUSDT/1", got.Faults[1].Key)
}

func TestGotcha11HedgedLegsAreTwoPositions(t *testing.T) {
	t.Parallel()
	both := positions(t, "linear:USDT", fixture(t, "edge/position-list.linear.hedge.both-open.json"))
	require.Len(t, both.Rows, 2)
	require.NotEqual(t, both.Rows[0].PositionIdx, both.Rows[1].PositionIdx)
	require.NotEqual(t, both.Rows[0].Side, both.Rows[1].Side)
	require.Equal(t, both.Rows[0].Symbol, both.Rows[1].Symbol)

	one := positions(t, "linear:USDT", fixture(t, "edge/position-list.linear.hedge.symbol-query.json"))
	require.Len(t, one.Rows, 1)
	require.Equal(t, "short", one.Rows[0].Side)
	require.Equal(t, 2, one.Rows[0].PositionIdx)
}

func TestPortfolioMarginHasNoLeverageAndMargins(t *testing.T) {
	t.Parallel()
	got := positions(t, "linear:USDT", fixture(t, "edge/position-list.linear.portfolio-margin.json"))
	require.Len(t, got.Rows, 1)
	require.Empty(t, got.Rows[0].Leverage)
	require.Empty(t, got.Rows[0].InitialMargin)
	require.Empty(t, got.Rows[0].MaintenanceMargin)
	require.NotEmpty(t, got.Rows[0].Size)
}

func TestPositionWithoutItsKeyProtectsTheScope(t *testing.T) {
	t.Parallel()
	for _, row := range []string{`{"symbol":"BTCUSDT","side":"Buy","size":"1"}`, `{"positionIdx":0,"side":"Buy","size":"1"}`} {
		got := positions(t, "linear:USDT", list("", row))
		require.Empty(t, got.Rows)
		require.Len(t, got.Faults, 1)
		require.Empty(t, got.Faults[0].Key)
	}
}

func TestSettleAsset(t *testing.T) {
	t.Parallel()
	cases := []struct {
		scope        exchange.Scope
		symbol, want string
	}{
		{"linear:USDC", "BTCPERP", "USDC"},
		{"linear:USDT", "BTCUSDT-27MAR26", "USDT"},
		{"inverse", "BTCUSD", "BTC"},
		{"inverse", "BTCUSDH26", "BTC"},
		{"inverse", "XRPUSDZ25", "XRP"},
		{"inverse", "USDCUSD", "USDC"},
		{"inverse", "BTCEUR", ""},
		{"inverse", "USD", ""},
		{"option", "BTC-27MAR26-70000-P-USDT", "USDT"},
		{"option", "BTC-27MAR26-70000-P", "USDC"},
		{"option", "BTC", ""},
	}
	for _, c := range cases {
		require.Equal(t, c.want, settleAsset(c.scope, c.symbol), c.symbol)
	}
}
