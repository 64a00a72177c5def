package bybit

import (
	"net/http"
	"testing"

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
		"unknown to both":              {list(""), list(""), "", false, 1},
		"unknown to both, with a code": {gone, gone, "", false, 1},
		"known to the second only":     {gone, list("", closed), "filled", true, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			stand.on(orderRealtime, always(c.realtime))
			stand.on(orderHistory, always(c.history))
			order, found, fault := stand.client(t).Order(t.Context(), linear, "7")
			require.Nil(t, fault)
			require.Equal(t, c.found, found)
			require.Equal(t, c.status, order.Status)
			require.Len(t, stand.asked(orderHistory), c.asked)
			q := stand.asked(orderRealtime)[0].URL.Query()
			require.Equal(t, "7", q.Get("orderId"))
			require.False(t, q.Has("settleCoin"), "an order that is named needs none")
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
			_, found, fault := stand.client(t).Order(t.Context(), spot, "7")
			require.False(t, found)
			require.NotNil(t, fault)
			require.Equal(t, c.want, fault.Class)
		})
	}
	_, _, fault := newStand(t).client(t).Order(t.Context(), spot, "")
	require.Equal(t, exchange.BadRequest, fault.Class)
}
