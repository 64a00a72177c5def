package bybit

import (
	"strings"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

const closedPnLExample = `{"symbol":"ETHPERP","orderType":"Market","leverage":"3","updatedTime":"1767225000236","side":"Sell","orderId":"5a373bfe","closedPnl":"-47.4065323","avgEntryPrice":"1194.97516667","qty":"3","cumEntryValue":"3584.9255","createdTime":"1767225000231","orderPrice":"1122.95","closedSize":"3","avgExitPrice":"1180.59833333","execType":"Trade","fillCount":"4","cumExitValue":"3541.795","openFee":"0.1","closeFee":"0.2"}`

func closes(t *testing.T, rows ...string) exchange.Snapshot[exchange.ClosedPnL] {
	t.Helper()
	stand := newStand(t)
	stand.on(closedPnLRecords, always(list("", rows...)))
	got := stand.client(t).ClosedPnL(t.Context(), linear, aDay())
	require.Nil(t, got.Err)
	q := stand.asked(closedPnLRecords)[0].URL.Query()
	require.Equal(t, "linear 100", q.Get("category")+" "+q.Get("limit"))
	return got
}

func TestClosedPnLColumns(t *testing.T) {
	t.Parallel()
	got := closes(t, closedPnLExample)
	require.Equal(t, []exchange.ClosedPnL{{
		Category: "linear", Symbol: "ETHPERP", OrderID: "5a373bfe", Side: "sell", OrderType: "Market", ExecType: "Trade",
		Quantity: "3", OrderPrice: "1122.95", ClosedQuantity: "3", EntryValue: "3584.9255", AverageEntryPrice: "1194.97516667",
		ExitValue: "3541.795", AverageExitPrice: "1180.59833333", RealizedPnL: "-47.4065323", FillCount: "4", Leverage: "3",
		OpenFee: "0.1", CloseFee: "0.2",
		CreatedAt: time.UnixMilli(1767225000231).UTC(), UpdatedAt: time.UnixMilli(1767225000236).UTC(),
	}}, got.Rows)
}

func TestAnOrderThatClosedInStepsHasARowForEach(t *testing.T) {
	t.Parallel()
	later := strings.Replace(closedPnLExample, "1767225000231", "1767225000999", 1)
	older := strings.NewReplacer("1767225000236", "1767225000001", "-47.4065323", "1").Replace(closedPnLExample)
	got := closes(t, closedPnLExample, later, older).Rows
	require.Len(t, got, 2)
	require.Equal(t, exchange.Number("-47.4065323"), got[0].RealizedPnL, "the later update is kept")
}

func TestClosesWithoutAKeyAreFaults(t *testing.T) {
	t.Parallel()
	got := closes(t,
		`{"orderId":"1","createdTime":"1767225000231"}`, `{"symbol":"A","createdTime":"1767225000231"}`,
		`{"symbol":"A","orderId":"1"}`, `{"symbol":"A","orderId":"1","createdTime":"1767225000231","qty":"x"}`)
	require.Empty(t, got.Rows)
	require.Len(t, got.Faults, 4)
	require.Equal(t, "linear/A/1/2025-12-31T23:50:00.231Z", got.Faults[3].Key)
}
