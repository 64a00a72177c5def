package bybit

import (
	"net/http"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func TestGotcha12VanishedOrderIsLookedUp(t *testing.T) {
	t.Parallel()
	open, closed := `{"orderId":"7","orderStatus":"New"}`, `{"orderId":"7","orderStatus":"Filled"}`
	gone := []byte(`{"retCode":110001,"retMsg":"Order does not exist","result":{}}`)
	cases := map[string]struct {
		realtime, history []byte
		status            string
		found             bool
		asked             int
	}{
		"open":                         {list("", open), list("", closed), "open", true, 0},
		"in the history":               {list(""), list("", closed), "filled", true, 1},
		"unknown to both":              {list(""), list(""), "", false, 2},
		"unknown to both, with a code": {gone, gone, "", false, 2},
		"known to the second only":     {gone, list("", closed), "filled", true, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			stand.on(orderRealtime, always(c.realtime))
			stand.on(orderHistory, always(c.history))
			order, found, fault := stand.client(t).Order(t.Context(), exchange.Order{Category: linear, OrderID: "7", Symbol: "BTCUSDT", CreatedAt: time.UnixMilli(1_700_000_000_000)})
			require.Nil(t, fault)
			require.Equal(t, c.found, found)
			require.Equal(t, c.status, order.Status)
			require.Len(t, stand.asked(orderHistory), c.asked)
			q := stand.asked(orderRealtime)[0].URL.Query()
			require.Equal(t, "7", q.Get("orderId"))
			require.Equal(t, "BTCUSDT", q.Get("symbol"), "linear is listed by symbol, base or settle coin only")
			if c.asked == 2 {
				q = stand.asked(orderHistory)[1].URL.Query()
				require.Equal(t, []string{"1699999999000", "1700604799000"}, []string{q.Get("startTime"), q.Get("endTime")},
					"the week in which it was made: without times the history answers for the last one")
			}
		})
	}
}

func TestOrderIsNotGoneBecauseTheExchangeFails(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		history http.HandlerFunc
		want    exchange.Class
	}{
		"history fails":      {always(fixture(t, "errors/retcode_10016.json")), exchange.Transient},
		"row not understood": {always(list("", `{"orderId":"7","qty":[]}`)), exchange.Decode},
		"another order":      {always(list("", `{"orderId":"8"}`)), exchange.Decode},
		"no list":            {always([]byte(`{"retCode":0,"result":{}}`)), exchange.Decode},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			stand.on(orderRealtime, always(list("")))
			stand.on(orderHistory, c.history)
			_, found, fault := stand.client(t).Order(t.Context(), exchange.Order{Category: spot, OrderID: "7"})
			require.False(t, found)
			require.NotNil(t, fault)
			require.Equal(t, c.want, fault.Class)
		})
	}
	_, _, fault := newStand(t).client(t).Order(t.Context(), exchange.Order{Category: spot})
	require.Equal(t, exchange.BadRequest, fault.Class)
}
