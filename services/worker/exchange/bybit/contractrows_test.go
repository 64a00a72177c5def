package bybit

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/exchange/exchangetest"
)

func contractRows() []exchangetest.Rows {
	of := func(reading exchangetest.Reading, sample func(exchangetest.Wish) exchangetest.Sample, number, key string) exchangetest.Rows {
		return exchangetest.Rows{Reading: reading, Sample: sample, Spoil: misplaced(number), Strip: misplaced(key)}
	}
	balances := of(exchangetest.Balances, balanceSample, "walletBalance", "coin")
	prices := of(exchangetest.Prices, priceSample, "lastPrice", "symbol")
	candles := of(exchangetest.Candles, candleSample, "", "")
	balances.Single, prices.Single, candles.Single = true, true, true
	candles.Step = func(scope exchange.Scope) time.Duration {
		series, _ := parseSeries(scope)
		length, _ := parseInterval(series.Interval)
		return length.length
	}
	candles.Spoil, candles.Strip = misplacedAt(4), misplacedAt(0)
	ledger := exchangetest.Rows{Reading: exchangetest.Ledger, Sample: entrySample, Spoil: spoiledEntry, Strip: strippedEntry, Step: func(book exchange.Scope) time.Duration {
		if book == fundingBook {
			return time.Second
		}
		return time.Millisecond
	}}
	return []exchangetest.Rows{
		balances, prices, candles, ledger,
		of(exchangetest.Positions, positionSample, "markPrice", "symbol"),
		of(exchangetest.OpenOrders, openOrderSample, "price", "orderId"),
		of(exchangetest.ClosedOrders, closedOrderSample, "price", "orderId"),
		of(exchangetest.Fills, fillSample, "execFee", "execId"),
		of(exchangetest.ClosedPnL, closedPnLSample, "closedPnl", "orderId"),
		of(exchangetest.Instruments, instrumentSample, "fundingInterval", "symbol"),
	}
}

// misplaced puts a list where a field was.
func misplaced(field string) func([]byte) []byte {
	return func(payload []byte) []byte {
		var row map[string]json.RawMessage
		if err := json.Unmarshal(payload, &row); err != nil {
			panic(err) // the samples are JSON
		}
		row[field] = json.RawMessage(`[1]`)
		spoiled, _ := json.Marshal(row)
		return spoiled
	}
}

// misplacedAt does so in a row that is a list.
func misplacedAt(i int) func([]byte) []byte {
	return func(payload []byte) []byte {
		var row []json.RawMessage
		if err := json.Unmarshal(payload, &row); err != nil {
			panic(err) // the samples are JSON
		}
		row[i] = json.RawMessage(`{"a":1}`)
		spoiled, _ := json.Marshal(row)
		return spoiled
	}
}

// raw writes a row: @ is the number, # the time in milliseconds.
func raw(w exchangetest.Wish, format string, args ...any) []byte {
	number, err := json.Marshal(w.Number)
	if err != nil {
		panic(err) // a string is JSON
	}
	row := fmt.Sprintf(format, args...)
	return []byte(strings.NewReplacer("@", string(number), "#", fmt.Sprint(w.At.UnixMilli())).Replace(row))
}

// idOf is an id for a row.
func idOf(w exchangetest.Wish) string { return fmt.Sprintf("N%dT%d", w.N, w.At.UnixMilli()) }

// contractSymbol is a symbol of its own for a row, and what it settles in.
func contractSymbol(w exchangetest.Wish) (symbol, settles string) {
	category, coin := cut(w.Scope)
	switch category {
	case inverse:
		return idOf(w) + "USD", idOf(w)
	case option:
		return idOf(w) + "-27MAR26-70000-P-USDT", "USDT"
	default:
		return idOf(w) + coin, coin
	}
}

func balanceSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	balance := exchange.Balance{Wallet: string(w.Scope), Asset: idOf(w), Total: n, Available: n}
	if w.Scope == fund {
		return exchangetest.Sample{Row: balance, Payload: raw(w, `{"coin":"%s","walletBalance":@,"transferBalance":@,"bonus":"1"}`, balance.Asset)}
	}
	if w.Scope == unified { // known for the account as a whole only
		balance.Available = ""
	}
	balance.Locked, balance.Borrowed, balance.Equity, balance.USDValue = n, n, n, n
	return exchangetest.Sample{Row: balance, Payload: raw(w, `{"coin":"%s","walletBalance":@,"locked":@,"borrowAmount":@,"equity":@,"usdValue":@,"availableToWithdraw":@,"free":@}`, balance.Asset)}
}

func positionSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	category, _ := cut(w.Scope)
	symbol, settles := contractSymbol(w)
	return exchangetest.Sample{
		Row: exchange.Position{
			Category: category, Symbol: symbol, PositionIdx: 2, Side: "short", Size: "0.123456789012345678", EntryPrice: n, MarkPrice: n, Leverage: n,
			LiquidationPrice: n, UnrealizedPnL: n, RealizedPnL: n, InitialMargin: n, MaintenanceMargin: n, SettleAsset: settles,
		},
		Payload: raw(w, `{"symbol":"%s","positionIdx":2,"side":"Sell","size":"0.123456789012345678","avgPrice":@,"markPrice":@,"leverage":@,"liqPrice":@,"unrealisedPnl":@,"curRealisedPnl":@,"positionIM":@,"positionMM":@}`, symbol),
	}
}

func openOrderSample(w exchangetest.Wish) exchangetest.Sample {
	order := orderSample(w)
	order.Status, order.ExchangeStatus, order.Scope = "partially_filled", "PartiallyFilled", w.Scope
	return exchangetest.Sample{Row: order, Payload: rawOrder(w, "PartiallyFilled")}
}

func closedOrderSample(w exchangetest.Wish) exchangetest.Sample {
	order := orderSample(w)
	order.Status, order.ExchangeStatus = "unknown", "SomeFutureStatus"
	return exchangetest.Sample{Row: order, Payload: rawOrder(w, "SomeFutureStatus")}
}

func orderSample(w exchangetest.Wish) exchange.Order {
	n := exchange.Number(w.Number)
	category, _ := cut(w.Scope)
	return exchange.Order{
		Category: category, OrderID: idOf(w), ClientOrderID: "mine", Symbol: "BTCUSDT", Side: "buy", OrderType: "Limit", TimeInForce: "GTC",
		Price: n, Quantity: n, FilledQuantity: "0.1", AveragePrice: n, TriggerPrice: n,
		Fees: map[string]exchange.Number{"USDT": "0.000000012345"}, ReduceOnly: new(bool), CreatedAt: w.At, UpdatedAt: w.At,
	}
}

func rawOrder(w exchangetest.Wish, status string) []byte {
	return raw(w, `{"orderId":"%s","orderLinkId":"mine","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","timeInForce":"GTC","orderStatus":"%s","stopOrderType":"Stop","price":@,"qty":@,"cumExecQty":"0.1","avgPrice":@,"triggerPrice":@,"cumFeeDetail":{"USDT":"0.000000012345"},"reduceOnly":false,"createdTime":"#","updatedTime":"#"}`, idOf(w), status)
}

func fillSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	category, _ := cut(w.Scope)
	return exchangetest.Sample{
		Row: exchange.Fill{
			Category: category, ExecID: idOf(w), OrderID: "o", ClientOrderID: "mine", Symbol: "BTCUSDT", Side: "sell", ExecType: "Trade", OrderType: "Limit",
			Price: n, Quantity: n, Value: n, Fee: n, FeeRate: n, FeeAsset: "MNT", ClosedQuantity: n, MarkPrice: n, IndexPrice: n,
			Sequence: "9007199254740993", IsMaker: new(bool), ExecutedAt: w.At,
		},
		Payload: raw(w, `{"execId":"%s","orderId":"o","orderLinkId":"mine","symbol":"BTCUSDT","side":"Sell","execType":"Trade","orderType":"Limit","execPrice":@,"execQty":@,"execValue":@,"execFee":@,"feeRate":@,"feeCurrency":"MNT","closedSize":@,"markPrice":@,"indexPrice":@,"seq":9007199254740993,"isMaker":false,"execTime":"#"}`, idOf(w)),
	}
}

func closedPnLSample(w exchangetest.Wish) exchangetest.Sample {
	n := exchange.Number(w.Number)
	return exchangetest.Sample{
		Row: exchange.ClosedPnL{
			Category: string(w.Scope), Symbol: "BTCUSDT", OrderID: idOf(w), Side: "buy", OrderType: "Market", ExecType: "BustTrade",
			Quantity: n, OrderPrice: n, ClosedQuantity: n, EntryValue: n, AverageEntryPrice: n, ExitValue: n, AverageExitPrice: n,
			RealizedPnL: n, FillCount: n, Leverage: n, OpenFee: n, CloseFee: n, CreatedAt: w.At, UpdatedAt: w.At,
		},
		Payload: raw(w, `{"symbol":"BTCUSDT","orderId":"%s","side":"Buy","orderType":"Market","execType":"BustTrade","qty":@,"orderPrice":@,"closedSize":@,"cumEntryValue":@,"avgEntryPrice":@,"cumExitValue":@,"avgExitPrice":@,"closedPnl":@,"fillCount":@,"leverage":@,"openFee":@,"closeFee":@,"createdTime":"#","updatedTime":"#"}`, idOf(w)),
	}
}
