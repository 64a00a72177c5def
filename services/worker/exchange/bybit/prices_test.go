package bybit

import (
	"testing"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func TestPricesOfAPerpetualAndAFuture(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(tickers, always(fixture(t, "edge/tickers.linear.json")))
	got := stand.market(t).Prices(t.Context(), linear)
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	require.Equal(t, fixtureTime, got.AsOf)
	require.Equal(t, []exchange.Price{
		{Category: "linear", Symbol: "BTCUSDT", Last: "120635.50", Bid: "120635.40", Ask: "120635.50", Mark: "114898.43", Index: "114890.92", Volume24h: "13713.8320", FundingRate: "0.0001"},
		{Category: "linear", Symbol: "BTCUSDT-27MAR26", Last: "121900", Mark: "121888.10", Index: "114890.92", Volume24h: "0"},
	}, got.Rows)
}

func TestGotcha18EveryCategoryIsAskedAndOptionsByBaseCoin(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(tickers, always(list("", `{"symbol":"X","lastPrice":"1","usdIndexPrice":"2"}`)))
	market := stand.market(t)
	require.Equal(t, []exchange.Scope{"spot", "linear", "inverse", "option:BTC", "option:ETH", "option:SOL"}, market.PriceScopes())
	for _, scope := range market.PriceScopes() {
		got := market.Prices(t.Context(), scope)
		require.True(t, got.Complete)
		category, _ := cut(scope)
		require.Equal(t, []exchange.Price{{Category: category, Symbol: "X", Last: "1"}}, got.Rows)
	}
	var asked []string
	for _, r := range stand.asked(tickers) {
		asked = append(asked, r.URL.RawQuery)
		require.Empty(t, r.Header.Get("X-BAPI-API-KEY"), "prices need no key")
	}
	require.Equal(t, []string{"category=spot", "category=linear", "category=inverse", "baseCoin=BTC&category=option", "baseCoin=ETH&category=option", "baseCoin=SOL&category=option"}, asked)
}

func TestTickerWithoutASymbolIsAFault(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(tickers, always(list("", `{"lastPrice":"1"}`, `{"symbol":"A","lastPrice":"one"}`)))
	got := stand.market(t).Prices(t.Context(), spot)
	require.Len(t, got.Faults, 2)
	require.Empty(t, got.Faults[0].Key)
	require.Equal(t, "spot/A", got.Faults[1].Key)
}
