package bybit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

// A row that was kept is read again as it would have been in its walk.
func TestReparseReadsEveryType(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	client, market := stand.client(t), stand.market(t)
	order := `{"orderId":"1","orderStatus":"%s"}`
	cases := []struct {
		reader          exchange.Reparser
		dataType, scope string
		payload         string
		want            string
	}{
		{client, "balances", "unified", `{"coin":"BTC","walletBalance":"1"}`, "unified/BTC"},
		{client, "balances", "fund", `{"coin":"BTC","walletBalance":"1"}`, "fund/BTC"},
		{client, "balances", "contract", `{"coin":"BTC","walletBalance":"1"}`, "contract/BTC"},
		{client, "positions", "linear:EUR1", `{"symbol":"A","positionIdx":2,"side":"Buy","size":"1"}`, "linear/A/2"},
		{client, "orders", "linear:USDT", fmt.Sprintf(order, "New"), "linear/1"},
		{client, "fills", "option:USDC", `{"execId":"1","symbol":"A","execTime":"1767225599000"}`, "option/1"},
		{client, "ledger", "deposit", depositExample, "deposit/160237231"},
		{client, "ledger", "funding_log", fundingExample, "funding_log/f918728c7abb541a904d0be28107a2d6"},
		{client, "closed_pnl", "linear", closedPnLExample, "linear/ETHPERP/5a373bfe/2025-12-31T23:50:00.231Z"},
		{market, "prices", "spot", `{"symbol":"A"}`, "spot/A"},
		{market, "instruments", "option:BTC", optionExample, "option/BTC-27MAR26-70000-P-USDT"},
		{market, "candles", "spot/BTCUSDT/60", `["1767222000000","1","2","1","2"]`, "spot/BTCUSDT/60/2025-12-31T23:00:00Z"},
	}
	for _, c := range cases {
		row, fault := c.reader.Reparse(c.dataType, exchange.Scope(c.scope), []byte(c.payload))
		require.Nil(t, fault, c.dataType)
		require.Equal(t, c.want, row.Key())
	}
	require.Empty(t, stand.requests)
}

func TestReparseTellsOpenOrdersFromThoseOfTheHistory(t *testing.T) {
	t.Parallel()
	client := newStand(t).client(t)
	for _, c := range []struct{ scope, status, want string }{
		{"linear:USDT", "New", "linear:USDT"},
		{"linear:USDT", "Odd", "linear:USDT"},
		{"spot", "PartiallyFilled", "spot"},
		{"spot", "Untriggered", "spot"},
		{"spot", "Filled", ""},
		{"linear", "Cancelled", ""},
		{"inverse", "Odd", ""},
	} {
		row, fault := client.Reparse("orders", exchange.Scope(c.scope), []byte(`{"orderId":"1","orderStatus":"`+c.status+`"}`))
		require.Nil(t, fault)
		require.Equal(t, exchange.Scope(c.want), row.(exchange.Order).Scope, c)
	}
}

func TestReparseSaysWhatItStillCannotRead(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	client, market := stand.client(t), stand.market(t)
	row, fault := client.Reparse("orders", spot, []byte(`{"orderId":"1","qty":"x"}`))
	require.Nil(t, row)
	require.Equal(t, "spot/1", fault.Key)
	require.Contains(t, fault.Reason, "qty")
	require.JSONEq(t, `{"orderId":"1","qty":"x"}`, string(fault.Payload))

	row, fault = client.Reparse("positions", inverse, []byte(`{"symbol":"A","positionIdx":0,"side":"","size":"0"}`))
	require.Nil(t, row)
	require.Nil(t, fault, "a flat row is understood, and no position")

	for _, reparse := range []func() (exchange.Keyed, *exchange.RowFault){
		func() (exchange.Keyed, *exchange.RowFault) { return client.Reparse("prices", spot, []byte(`{}`)) },
		func() (exchange.Keyed, *exchange.RowFault) { return market.Reparse("fills", spot, []byte(`{}`)) },
		func() (exchange.Keyed, *exchange.RowFault) {
			return client.Reparse("orders", "closed:spot", []byte(`{"orderId":"1"}`))
		},
		func() (exchange.Keyed, *exchange.RowFault) {
			return client.Reparse("ledger", spot, []byte(transferExample))
		},
		func() (exchange.Keyed, *exchange.RowFault) {
			return client.Reparse("balances", "earn", []byte(`{"coin":"A"}`))
		},
		func() (exchange.Keyed, *exchange.RowFault) {
			return market.Reparse("candles", "spot/A", []byte(`["1"]`))
		},
		func() (exchange.Keyed, *exchange.RowFault) {
			return market.Reparse("candles", "spot/A/7", []byte(`["1"]`))
		},
	} {
		row, fault := reparse()
		require.Nil(t, row)
		require.NotEmpty(t, fault.Reason)
	}
}

// What RowFault keeps of a row is what Reparse reads.
func TestRowsAreKeptWholeAndReadAgain(t *testing.T) {
	t.Parallel()
	client := newStand(t).client(t)
	long := fmt.Sprintf(`{"orderId":"1","note":"%s","qty":"x"}`, strings.Repeat("é", 20<<10))
	_, fault := client.session.order([]byte(long), spot, "")
	require.Equal(t, long, string(fault.Payload), "forty kilobytes are kept whole")
	_, again := client.Reparse("orders", spot, fault.Payload)
	require.Equal(t, fault.Reason, again.Reason)

	_, fault = client.session.order([]byte(fmt.Sprintf(`{"orderId":"1","note":"%s","qty":"x"}`, strings.Repeat("é", 40<<10))), spot, "")
	require.LessOrEqual(t, len(fault.Payload), maxRow)
	require.True(t, strings.HasSuffix(string(fault.Payload), "é"+cutMark))
	_, again = client.Reparse("orders", spot, fault.Payload)
	require.Contains(t, again.Reason, "too long to be kept whole")
}

func TestReparseOfAnOpenBarIsNone(t *testing.T) {
	t.Parallel()
	market := newStand(t).market(t)
	open := itoa(time.Now().Add(-time.Minute).UnixMilli())
	row, fault := market.Reparse("candles", "spot/BTCUSDT/60", []byte(`["`+open+`","1","2","1","2"]`))
	require.Nil(t, row)
	require.Nil(t, fault)
}
