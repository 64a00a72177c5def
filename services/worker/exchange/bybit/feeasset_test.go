package bybit

import (
	"testing"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func TestFeeAssetsOfContracts(t *testing.T) {
	t.Parallel()
	coins := []string{"USDT", "USDC", "EUR1"}
	for symbol, want := range map[string]string{
		"BTCUSDT": "USDT", "BTCUSDT-27MAR26": "USDT", "BTCPERP": "USDC", "BTC-27MAR26": "USDC", "ETH-7MAR26": "USDC",
		"1000PEPEUSDT": "USDT", "BTCEUR1": "EUR1", "BTCXYZ": "", "USDT": "", "PERP": "", "BTC-27": "", "BTC-27MAR26-70000-P": "",
		"BTCPERP-27MAR26": "USDC", "": "", "-27MAR26": "",
	} {
		require.Equal(t, want, feeAsset(exchange.Fill{Category: linear, Symbol: symbol}, "", coins), symbol)
	}
	require.Equal(t, "BTC", feeAsset(exchange.Fill{Category: inverse, Symbol: "BTCUSDH26"}, "", coins))
	require.Equal(t, "USDT", feeAsset(exchange.Fill{Category: option, Symbol: "whatever"}, "USDT", coins), "it was asked for")
}

func TestFeeAssetsOfSpot(t *testing.T) {
	t.Parallel()
	cases := []struct {
		symbol, side string
		maker        *bool
		rate         exchange.Number
		want         string
	}{
		{"ETHUSDT", "buy", no(), "0.001", "ETH"},
		{"ETHUSDT", "sell", no(), "0.001", "USDT"},
		{"ETHUSDT", "buy", yes(), "0.001", "ETH"},
		{"ETHUSDT", "sell", yes(), "0.001", "USDT"},
		{"ETHUSDT", "buy", yes(), "-0.00005", "USDT"},
		{"ETHUSDT", "sell", yes(), "-0.00005", "ETH"},
		{"ETHUSDT", "buy", no(), "-0.00005", "ETH"},
		{"ETHBTC", "sell", no(), "", "BTC"},
		{"ETHUSDT", "buy", nil, "0.001", ""},
		{"ETHUSDT", "buy", yes(), "", ""},
		{"ETHUSDT", "", no(), "0.001", ""},
		{"ETHXYZ", "buy", no(), "0.001", ""},
	}
	for _, c := range cases {
		require.Equal(t, c.want, feeAsset(exchange.Fill{Category: spot, Symbol: c.symbol, Side: c.side, IsMaker: c.maker, FeeRate: c.rate}, "", nil), c)
	}
}

func TestWhatTheExchangeNamesWins(t *testing.T) {
	t.Parallel()
	row := func(currency string) string {
		return `{"execId":"1","symbol":"BTCUSDT","side":"Buy","isMaker":false,"feeRate":"0.1","execTime":"1767225599000","feeCurrency":"` + currency + `"}`
	}
	require.Equal(t, "MNT", fills(t, spot, list("", row("MNT"))).Rows[0].FeeAsset)
	require.Equal(t, "BTC", fills(t, spot, list("", row(""))).Rows[0].FeeAsset)
	require.Equal(t, "USDT", fills(t, linear, list("", row(""))).Rows[0].FeeAsset)
	require.Equal(t, "USDC", fills(t, "option:USDC", list("", row(""))).Rows[0].FeeAsset)
}
