package bybit

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func rawRows(rows ...string) []json.RawMessage {
	var raw []json.RawMessage
	for _, row := range rows {
		raw = append(raw, json.RawMessage(row))
	}
	return raw
}

func ignore[T exchange.Keyed](json.RawMessage) (*T, *exchange.RowFault) { return nil, nil }

func openOrders(t *testing.T, scope exchange.Scope, name string) []exchange.Order {
	t.Helper()
	stand := newStand(t)
	body := fixture(t, name)
	stand.on(orderRealtime, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "" {
			_, _ = w.Write(body)
			return
		}
		_, _ = w.Write(list(""))
	})
	got := stand.client(t).OpenOrders(t.Context(), scope)
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	require.Empty(t, got.Faults)
	require.Equal(t, fixtureTime, got.AsOf)
	return got.Rows
}

func closedOrders(t *testing.T, scope exchange.Scope, body []byte) []exchange.Order {
	t.Helper()
	stand := newStand(t)
	stand.on(orderHistory, always(body))
	got := stand.client(t).ClosedOrders(t.Context(), scope, aDay())
	require.Nil(t, got.Err)
	require.Empty(t, got.Faults)
	return got.Rows
}

func no() *bool { return new(bool) }

func TestGotcha2SpotOrderColumns(t *testing.T) {
	t.Parallel()
	require.Equal(t, []exchange.Order{{
		Category: "spot", OrderID: "1900000000000000101", ClientOrderID: "sync-spot-0001",
		Symbol: "BTCUSDT", Side: "buy", OrderType: "Limit", TimeInForce: "GTC",
		Status: "open", ExchangeStatus: "New",
		Price: "10000.00", Quantity: "0.010000", FilledQuantity: "0.000000",
		ReduceOnly: no(), Scope: "spot",
		CreatedAt: time.UnixMilli(1767225590316).UTC(), UpdatedAt: time.UnixMilli(1767225590323).UTC(),
	}}, openOrders(t, spot, "edge/order-realtime.spot.json"))
}

func TestConditionalOrdersKeepTheirTrigger(t *testing.T) {
	t.Parallel()
	rows := openOrders(t, "linear:USDT", "edge/order-realtime.linear.conditional.json")
	require.Len(t, rows, 2)
	require.Equal(t, "untriggered", rows[0].Status)
	require.Empty(t, rows[0].Price, "a market order has none, whatever is sent")
	require.Equal(t, exchange.Number("55000.00"), rows[0].TriggerPrice)
	require.True(t, *rows[0].ReduceOnly)
	require.Equal(t, exchange.Number("47500.00"), rows[1].Price)
	require.Equal(t, exchange.Scope("linear:USDT"), rows[1].Scope)
}

func TestPartlyFilledAndOptionOrders(t *testing.T) {
	t.Parallel()
	partly := openOrders(t, "linear:USDT", "edge/order-realtime.linear.partially-filled.json")
	require.Equal(t, "partially_filled", partly[0].Status)
	require.NotEmpty(t, partly[0].AveragePrice)
	require.NotEmpty(t, partly[0].Fees)
	options := openOrders(t, option, "edge/order-realtime.option.json")
	require.Equal(t, "BTC-27MAR26-70000-P-USDT", options[0].Symbol)
}

func TestGotcha13FinalOrders(t *testing.T) {
	t.Parallel()
	rows := closedOrders(t, linear, fixture(t, "edge/order-history.mixed-final.json"))
	require.Len(t, rows, 5)
	var states []string
	for _, row := range rows {
		states = append(states, row.Status+" "+row.ExchangeStatus)
		require.Empty(t, row.Scope, "no open-order walk")
	}
	require.Equal(t, []string{"filled Filled", "cancelled Cancelled", "rejected Rejected", "cancelled Deactivated", "unknown SomeFutureStatus"}, states)
	require.Equal(t, map[string]exchange.Number{"USDT": "0.8000000", "MNT": "0.00242968"}, rows[0].Fees)
	require.Equal(t, exchange.Number("15990.123456"), rows[0].AveragePrice)
	require.Equal(t, exchange.Number("0.03"), rows[1].FilledQuantity, "a cancelled order may have fills, and qty - leavesQty would say 0.10")
	require.NotNil(t, rows[1].Fees)
	require.Equal(t, "RPI", rows[4].TimeInForce)
	require.Equal(t, "UNKNOWN", rows[4].OrderType)
}

func TestGotcha14SpotMarketBuyIsInQuoteCoin(t *testing.T) {
	t.Parallel()
	rows := closedOrders(t, spot, fixture(t, "edge/order-history.spot.partially-filled-canceled.json"))
	require.Equal(t, "cancelled", rows[0].Status)
	require.Empty(t, rows[0].Price)
	require.Equal(t, exchange.Number("100.00"), rows[0].Quantity, "as sent")
	require.Equal(t, exchange.Number("0.00483"), rows[0].FilledQuantity)
}

func TestOrderStatusWords(t *testing.T) {
	t.Parallel()
	for word, want := range map[text]string{
		"New": "open", "PartiallyFilled": "partially_filled", "Untriggered": "untriggered", "Triggered": "open",
		"Filled": "filled", "Cancelled": "cancelled", "PartiallyFilledCanceled": "cancelled", "Deactivated": "cancelled",
		"Rejected": "rejected", "Expired": "expired", "Sleeping": "unknown", "": "unknown",
	} {
		require.Equal(t, want, orderStatus(word), word)
	}
}

func TestPricesThatMeanNoneAreNone(t *testing.T) {
	t.Parallel()
	type columns struct{ price, average, trigger exchange.Number }
	cases := map[string]struct {
		row  string
		want columns
	}{
		"market order":              {`"orderType":"Market","price":"0"`, columns{}},
		"market order with a price": {`"orderType":"Market","price":"5"`, columns{price: "5"}},
		"limit order at zero":       {`"orderType":"Limit","price":"0"`, columns{price: "0"}},
		"nothing filled":            {`"cumExecQty":"0.000","avgPrice":"0.00"`, columns{}},
		"filled at zero":            {`"cumExecQty":"1","avgPrice":"0"`, columns{average: "0"}},
		"plain order":               {`"stopOrderType":"UNKNOWN","triggerPrice":"0.00"`, columns{}},
		"plain spot order":          {`"stopOrderType":"","triggerPrice":"0"`, columns{}},
		"conditional at zero":       {`"stopOrderType":"StopLoss","triggerPrice":"0.00"`, columns{trigger: "0.00"}},
		"no word of anything":       {`"x":1`, columns{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := closedOrders(t, linear, list("", `{"orderId":"1",`+c.row+`}`))[0]
			require.Equal(t, c.want, columns{got.Price, got.AveragePrice, got.TriggerPrice})
		})
	}
}

func TestFeesNotSentAreUnknown(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]map[string]exchange.Number{
		`{"orderId":"1"}`:                                    nil,
		`{"orderId":"1","cumFeeDetail":null}`:                nil,
		`{"orderId":"1","cumFeeDetail":{}}`:                  {},
		`{"orderId":"1","cumFeeDetail":{"A":"-0.1","B":""}}`: {"A": "-0.1"},
	} {
		require.Equal(t, want, closedOrders(t, linear, list("", row))[0].Fees, row)
	}
}

func TestConditionalOrdersAreAskedForByName(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	both := `{"orderId":"plain"}`
	stand.on(orderRealtime, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("orderFilter") == "StopOrder" {
			_, _ = w.Write(list("", both, `{"orderId":"stop"}`))
			return
		}
		_, _ = w.Write(list("", both))
	})
	client := stand.client(t)
	require.Equal(t, []exchange.Scope{"spot", "linear:USDT", "linear:USDC", "inverse", "option"}, client.OpenOrderScopes())
	for _, scope := range client.OpenOrderScopes() {
		got := client.OpenOrders(t.Context(), scope)
		require.True(t, got.Complete)
		want := 2
		if scope == option {
			want = 1
		}
		require.Len(t, got.Rows, want, scope)
	}
	var asked []string
	for _, r := range stand.asked(orderRealtime) {
		q := r.URL.Query()
		asked = append(asked, q.Get("category")+" "+q.Get("settleCoin")+" "+q.Get("orderFilter")+" "+q.Get("limit"))
	}
	require.Equal(t, []string{
		"spot   50", "spot  StopOrder 50",
		"linear USDT  50", "linear USDT StopOrder 50",
		"linear USDC  50", "linear USDC StopOrder 50",
		"inverse   50", "inverse  StopOrder 50",
		"option   50",
	}, asked)
}

func TestFailingSecondPassMakesTheScopeIncomplete(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(orderRealtime, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("orderFilter") != "" {
			_, _ = w.Write([]byte(`{"retCode":10001,"retMsg":"","result":{}}`))
			return
		}
		_, _ = w.Write(list("", `{"orderId":"1"}`))
	})
	got := stand.client(t).OpenOrders(t.Context(), spot)
	require.False(t, got.Complete)
	require.Equal(t, exchange.BadRequest, got.Err.Class)
	require.Len(t, got.Rows, 1)
}

func TestGotcha15WindowsAreAskedExactly(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(orderHistory, always(list("")))
	client := stand.client(t)
	require.Equal(t, 7*24*time.Hour, client.ClosedOrderHistories()[0].Window)
	week := exchange.Window{From: fixtureTime, To: fixtureTime.Add(7 * 24 * time.Hour)}
	require.True(t, client.ClosedOrders(t.Context(), linear, week).Complete)
	q := stand.asked(orderHistory)[0].URL.Query()
	require.Equal(t, itoa(week.From.UnixMilli()), q.Get("startTime"))
	require.Equal(t, itoa(week.To.UnixMilli()-1), q.Get("endTime"), "To is exclusive")
	require.Equal(t, "50", q.Get("limit"))
	require.Equal(t, "linear", q.Get("category"))
	require.False(t, q.Has("settleCoin"))

	broken := exchange.Window{From: fixtureTime, To: fixtureTime.Add(1500 * time.Microsecond)}
	require.True(t, client.ClosedOrders(t.Context(), linear, broken).Complete)
	require.Equal(t, itoa(fixtureTime.UnixMilli()+1), stand.asked(orderHistory)[1].URL.Query().Get("endTime"))
}

func TestGotcha15WindowsTooLongAreNotSent(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	client := stand.client(t)
	for _, span := range []time.Duration{7*24*time.Hour + time.Nanosecond, 0, -time.Hour} {
		got := client.ClosedOrders(t.Context(), spot, exchange.Window{From: fixtureTime, To: fixtureTime.Add(span)})
		require.Equal(t, exchange.BadRequest, got.Err.Class)
	}
	require.Empty(t, stand.requests)
}

func TestGotcha29TheCategoryIsPartOfEveryKey(t *testing.T) {
	t.Parallel()
	require.NotEqual(t, exchange.Order{Category: "spot", OrderID: "1"}.Key(), exchange.Order{Category: "linear", OrderID: "1"}.Key())
	require.NotEqual(t, exchange.Price{Category: "spot", Symbol: "BTCUSDT"}.Key(), exchange.Price{Category: "linear", Symbol: "BTCUSDT"}.Key())
	require.NotEqual(t, exchange.Position{Category: "linear", Symbol: "A", PositionIdx: 1}.Key(), exchange.Position{Category: "linear", Symbol: "A", PositionIdx: 2}.Key())
}
