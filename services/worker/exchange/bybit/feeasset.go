package bybit

import (
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// feeAsset is the asset of a fee for which the exchange names none.
//
//	linear   the settle coin, read from the symbol, see linearSettle
//	inverse  the base coin
//	option   the coin that was asked for
//	spot     the coin received: base of a buy, quote of a sell; the other one for
//	         a maker whose rate is below zero (documentation, enum feeCurrency)
//
// A symbol that does not tell gives "".
func feeAsset(f exchange.Fill, settles string, settleCoins []string) string {
	switch f.Category {
	case linear:
		return linearSettle(f.Symbol, settleCoins)
	case inverse:
		return inverseBase(f.Symbol)
	case option:
		return settles
	default:
		return spotFeeAsset(f)
	}
}

// linearSettle reads BTCUSDT and BTCUSDT-27MAR26, whose ending is the coin, and
// BTCPERP and BTC-27MAR26, which settle in USDC.
func linearSettle(symbol string, settleCoins []string) string {
	name, delivery, dated := strings.Cut(symbol, "-")
	if coin := ending(name, settleCoins); coin != "" {
		return coin
	}
	if base, perpetual := strings.CutSuffix(name, "PERP"); perpetual && base != "" && !dated {
		return "USDC"
	}
	if dated && name != "" && isDelivery(delivery) {
		return "USDC"
	}
	return ""
}

// isDelivery reports whether s is a date as in the symbols: 27MAR26 or 7MAR26.
func isDelivery(s string) bool {
	if len(s) != 6 && len(s) != 7 {
		return false
	}
	month := s[len(s)-5 : len(s)-2]
	return digits(s[:len(s)-5]) && digits(s[len(s)-2:]) && strings.Trim(month, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func spotFeeAsset(f exchange.Fill) string {
	quote := ending(f.Symbol, []string{"USDT", "USDC", "BTC", "ETH", "EUR"})
	if quote == "" || f.IsMaker == nil || f.Side != "buy" && f.Side != "sell" {
		return ""
	}
	rebated := *f.IsMaker && strings.HasPrefix(string(f.FeeRate), "-")
	if *f.IsMaker && f.FeeRate == "" {
		return ""
	}
	if (f.Side == "sell") != rebated {
		return quote
	}
	return strings.TrimSuffix(f.Symbol, quote)
}

// ending is the longest of the coins that the symbol ends with and does not
// consist of.
func ending(symbol string, coins []string) string {
	found := ""
	for _, coin := range coins {
		if len(coin) > len(found) && len(symbol) > len(coin) && strings.HasSuffix(symbol, coin) {
			found = coin
		}
	}
	return found
}
