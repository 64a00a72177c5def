package bybit

import (
	"fmt"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/exchange/exchangetest"
)

func priceSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	category, _ := cut(w.Scope)
	return exchangetest.Sample{
		Row:     exchange.Price{Category: category, Symbol: idOf(w), Last: n, Bid: n, Ask: n, Mark: n, Index: n, Volume24h: n, FundingRate: n},
		Payload: raw(w, `{"symbol":"%s","lastPrice":@,"bid1Price":@,"ask1Price":@,"markPrice":@,"indexPrice":@,"volume24h":@,"fundingRate":@}`, idOf(w)),
	}
}

func instrumentSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	category, _ := cut(w.Scope)
	asset := "BTC"
	if category == inverse {
		asset = "USD"
	}
	return exchangetest.Sample{
		Row: exchange.Instrument{
			Category: category, Symbol: idOf(w), Status: "unknown", ExchangeStatus: "SomeFutureStatus", BaseAsset: "BTC", QuoteAsset: "USDT", SettleAsset: "USDC",
			ContractType: "LinearFutures", OptionType: "Put", TickSize: n, QuantityStep: n, MinQuantity: n, MaxQuantity: n, MinNotional: n,
			ContractValue: "1", ContractAsset: asset, MinLeverage: n, MaxLeverage: n, FundingMinutes: n, LaunchedAt: w.At, DeliversAt: w.At,
		},
		Payload: raw(w, `{"symbol":"%s","status":"SomeFutureStatus","baseCoin":"BTC","quoteCoin":"USDT","settleCoin":"USDC","contractType":"LinearFutures","optionsType":"Put","priceFilter":{"tickSize":@},"lotSizeFilter":{"qtyStep":@,"minOrderQty":@,"maxOrderQty":@,"minNotionalValue":@},"leverageFilter":{"minLeverage":@,"maxLeverage":@},"fundingInterval":@,"launchTime":"#","deliveryTime":"#"}`, idOf(w)),
	}
}

func candleSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	series, _ := parseSeries(w.Scope)
	return exchangetest.Sample{
		Row:     exchange.Candle{Series: series, StartAt: w.At, Open: n, High: n, Low: n, Close: n, Volume: n, Turnover: n},
		Payload: raw(w, `["#",@,@,@,@,@,@]`),
	}
}

func entrySample(w exchangetest.Wish) exchangetest.Sample {
	switch w.Scope {
	case fundingBook:
		return fundingSample(w)
	case depositBook:
		return depositSample(w)
	case withdrawalBook:
		return withdrawalSample(w)
	case transferBook:
		return transferSample(w)
	default:
		return logSample(w)
	}
}

func logSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	wallet := unified
	if w.Scope == contractBook {
		wallet = contract
	}
	return exchangetest.Sample{
		Row: exchange.LedgerEntry{
			Source: string(w.Scope), EntryID: entryID(text(idOf(w)), "BTC", "SOME_FUTURE_TYPE", "t", text(n), text(n)), ExchangeID: idOf(w),
			Wallet: wallet, Asset: "BTC", EntryType: "SOME_FUTURE_TYPE", Category: spot, Symbol: "BTCUSDT", Side: "buy",
			Quantity: n, PositionSize: n, Price: n, CashFlow: n, Funding: n, Fee: n, FeeRate: n, BonusChange: n, Change: n, Balance: n,
			OrderID: "o", ClientOrderID: "mine", TradeID: "t", Description: "sub", OccurredAt: w.At,
		},
		Payload: raw(w, `{"id":"%s","currency":"BTC","type":"SOME_FUTURE_TYPE","tradeId":"t","change":@,"cashBalance":@,"symbol":"BTCUSDT","category":"spot","side":"Buy","transSubType":"sub","qty":@,"size":@,"tradePrice":@,"cashFlow":@,"funding":@,"fee":@,"feeRate":@,"bonusChange":@,"orderId":"o","orderLinkId":"mine","transactionTime":"#"}`, idOf(w)),
	}
}

// fundingSample has no id: every field tells it from others, its numbers too.
func fundingSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	created := fmt.Sprint(w.At.Unix())
	key := fundingKey{MemberID: "1", Currency: text(idOf(w)), Direction: "I", Amount: text(n), After: text(n), Created: text(created), Business: "Transfer", Description: "in"}
	return exchangetest.Sample{
		Row: exchange.LedgerEntry{
			Source: fundingBook, EntryID: key.id(), ExchangeID: idOf(w), Wallet: fund, Asset: idOf(w), EntryType: "Transfer", Description: "in",
			Quantity: n, Change: n, Balance: n, OccurredAt: w.At,
		},
		Payload: raw(w, `{"memberId":"1","currency":"%[1]s","ioDirection":"I","txnAmt":@,"afterAmt":@,"createTime":"%[2]s","showBusiTypeEn":"Transfer","descriptionEn":"in","currcCursor":"%[1]s"}`, idOf(w), created),
	}
}

func depositSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	return exchangetest.Sample{
		Row: exchange.LedgerEntry{
			Source: depositBook, EntryID: idOf(w), ExchangeID: idOf(w), Asset: "ETH", EntryType: "10", Status: "3",
			Quantity: n, Change: n, Fee: n, Network: "ARBI", OccurredAt: w.At,
		},
		Payload: raw(w, `{"id":"%s","coin":"ETH","chain":"ARBI","amount":@,"depositFee":@,"status":3,"depositType":10,"successAt":"#"}`, idOf(w)),
	}
}

func withdrawalSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	return exchangetest.Sample{
		Row: exchange.LedgerEntry{
			Source: withdrawalBook, EntryID: idOf(w), ExchangeID: idOf(w), Asset: "ETH", EntryType: "0", Status: "success",
			Quantity: n, Change: negative(n), Fee: n, Network: "ETH", TransactionHash: "0xabc", OccurredAt: w.At, UpdatedAt: w.At,
		},
		Payload: raw(w, `{"withdrawId":"%s","coin":"ETH","chain":"ETH","txID":"0xabc","amount":@,"withdrawFee":@,"status":"success","withdrawType":0,"createTime":"#","updateTime":"#"}`, idOf(w)),
	}
}

// negative is what left the wallet.
func negative(n exchange.Number) exchange.Number {
	if n == "" || isZero(string(n)) || strings.HasPrefix(string(n), "-") {
		return n
	}
	return "-" + n
}

func transferSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	return exchangetest.Sample{
		Row: exchange.LedgerEntry{
			Source: transferBook, EntryID: idOf(w), ExchangeID: idOf(w), Asset: "USDT", Status: "SUCCESS",
			Quantity: n, FromWallet: unified, ToWallet: "fund", OccurredAt: w.At,
		},
		Payload: raw(w, `{"transferId":"%s","coin":"USDT","amount":@,"fromAccountType":"UNIFIED","toAccountType":"FUND","status":"SUCCESS","timestamp":"#"}`, idOf(w)),
	}
}

// spoiledEntry spoils a number that is not part of the key; a row of the funding
// log has none.
func spoiledEntry(payload []byte) []byte {
	switch {
	case strings.Contains(string(payload), `"currcCursor"`):
		return nil
	case strings.Contains(string(payload), `"cashFlow"`):
		return misplaced("cashFlow")(payload)
	default:
		return misplaced("amount")(payload)
	}
}

func strippedEntry(payload []byte) []byte {
	for _, key := range []string{"currcCursor", "withdrawId", "transferId", "id"} {
		if strings.Contains(string(payload), `"`+key+`":"`) {
			if key == "currcCursor" {
				key = "currency"
			}
			return misplaced(key)(payload)
		}
	}
	return payload
}
