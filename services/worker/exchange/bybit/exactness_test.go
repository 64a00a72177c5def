package bybit

import (
	"fmt"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

// What does not survive a float, whether it comes as text or as a JSON number.
func extremeNumbers() []string {
	return []string{
		"0.000000012345", "123456789012.5", "0.123456789012345678", "123456789.123456789012345678",
		"9007199254740993", "-0.000000000000000001", "100000000000000000000000000.1",
	}
}

func TestGotcha3NumbersOfEveryTypeAreExact(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	client, market := stand.client(t), stand.market(t)
	candles := exchange.Series{Category: linear, Symbol: "A", Interval: "60"}
	for _, number := range extremeNumbers() {
		for _, sent := range []string{number, `"` + number + `"`} {
			at := `"1767222000000"`
			stand.on(walletBalance, always(list("", fmt.Sprintf(`{"accountType":"UNIFIED","coin":[{"coin":"A","walletBalance":%s}]}`, sent))))
			stand.on(coinBalances, always(balanceBody(fmt.Sprintf(`[{"coin":"A","walletBalance":%s}]`, sent))))
			stand.on(positionList, always(list("", fmt.Sprintf(`{"symbol":"A","positionIdx":0,"side":"Buy","size":%s}`, sent))))
			stand.on(orderHistory, always(list("", fmt.Sprintf(`{"orderId":"1","price":%s,"cumFeeDetail":{"A":%s}}`, sent, sent))))
			stand.on(executionList, always(list("", fmt.Sprintf(`{"execId":"1","symbol":"A","execTime":%s,"execPrice":%s}`, at, sent))))
			stand.on(transactionLog, always(list("", fmt.Sprintf(`{"id":"1","currency":"A","transactionTime":%s,"change":%s}`, at, sent))))
			stand.on(closedPnLRecords, always(list("", fmt.Sprintf(`{"symbol":"A","orderId":"1","createdTime":%s,"closedPnl":%s}`, at, sent))))
			stand.on(tickers, always(list("", fmt.Sprintf(`{"symbol":"A","lastPrice":%s}`, sent))))
			stand.on(instrumentsInfo, always(list("", fmt.Sprintf(`{"symbol":"A","priceFilter":{"tickSize":%s}}`, sent))))
			stand.on(kline, always(list("", fmt.Sprintf(`[%s,%s,"1","1","1"]`, at, sent))))
			order := client.ClosedOrders(t.Context(), spot, aDay()).Rows[0]
			for what, got := range map[string]exchange.Number{
				"balance":    client.Balances(t.Context(), unified).Rows[0].Total,
				"fund":       client.Balances(t.Context(), fund).Rows[0].Total,
				"position":   client.Positions(t.Context(), inverse).Rows[0].Size,
				"order":      order.Price,
				"fee":        order.Fees["A"],
				"fill":       client.Fills(t.Context(), spot, aDay()).Rows[0].Price,
				"entry":      client.LedgerEntries(t.Context(), transactionBook, aDay()).Rows[0].Change,
				"closed pnl": client.ClosedPnL(t.Context(), linear, aDay()).Rows[0].RealizedPnL,
				"price":      market.Prices(t.Context(), spot).Rows[0].Last,
				"instrument": market.Instruments(t.Context(), spot).Rows[0].TickSize,
				"candle":     market.Candles(t.Context(), candles, exchange.Window{From: fixtureTime.Add(-time.Hour), To: fixtureTime}).Rows[0].Open,
			} {
				require.Equal(t, exchange.Number(number), got, what)
			}
		}
	}
}

func TestSequencesAreWholeAndOfAnyLength(t *testing.T) {
	t.Parallel()
	row := func(seq string) string {
		return `{"execId":"1","symbol":"A","execTime":"1767222000000","seq":` + seq + `}`
	}
	for sent, want := range map[string]exchange.Number{
		`9007199254740993`: "9007199254740993", `"9007199254740993"`: "9007199254740993", `"-1"`: "-1", `""`: "", `null`: "",
		`99999999999999999999999`: "99999999999999999999999",
	} {
		require.Equal(t, want, fills(t, spot, list("", row(sent))).Rows[0].Sequence, sent)
	}
	for _, wrong := range []string{`1.5`, `1e3`, `"x"`, `true`, `"-"`} {
		require.Len(t, fills(t, spot, list("", row(wrong))).Faults, 1, wrong)
	}
}

func TestAmountsThatLeaveKeepTheirDigits(t *testing.T) {
	t.Parallel()
	for sent, want := range map[amount]exchange.Number{"80.0000": "-80.0000", "+1": "-1", "-2.50": "-2.50", "0.00": "0.00", "": "", "1e-8": "-1e-8"} {
		require.Equal(t, want, sent.outgoing())
	}
}

func TestReadersAreThoseTheWorkerAsksFor(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	adapter, err := NewAdapter(hosts(t, wideBudget(t)), Settings{})
	require.NoError(t, err)
	account, err := adapter.Account(stand.config(t).Target, stand.config(t).Credentials)
	require.NoError(t, err)
	require.Implements(t, (*exchange.BalanceReader)(nil), account)
	require.Implements(t, (*exchange.PositionReader)(nil), account)
	require.Implements(t, (*exchange.OpenOrderReader)(nil), account)
	require.Implements(t, (*exchange.ClosedOrderReader)(nil), account)
	require.Implements(t, (*exchange.FillReader)(nil), account)
	require.Implements(t, (*exchange.LedgerReader)(nil), account)
	require.Implements(t, (*exchange.ClosedPnLReader)(nil), account)
	require.Implements(t, (*exchange.SubAccountReader)(nil), account)
	require.Implements(t, (*exchange.Reparser)(nil), account)
	market, err := adapter.Market(stand.config(t).Target)
	require.NoError(t, err)
	require.Implements(t, (*exchange.InstrumentReader)(nil), market)
	require.Implements(t, (*exchange.CandleReader)(nil), market)
	require.Implements(t, (*exchange.Reparser)(nil), market)
}
