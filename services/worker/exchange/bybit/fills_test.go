package bybit

import (
	"net/http"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func fills(t *testing.T, scope exchange.Scope, body []byte) exchange.Snapshot[exchange.Fill] {
	t.Helper()
	stand := newStand(t)
	stand.on(executionList, always(body))
	got := stand.client(t).Fills(t.Context(), scope, aDay())
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	return got
}

func yes() *bool {
	b := true
	return &b
}

func TestGotcha19FundingIsAFillToo(t *testing.T) {
	t.Parallel()
	got := fills(t, linear, fixture(t, "edge/execution-list.funding.json"))
	require.Empty(t, got.Faults)
	at := time.UnixMilli(1767225599000).UTC()
	require.Equal(t, []exchange.Fill{
		{
			Category: "linear", ExecID: "bbbbbbbb-0000-4000-8000-000000000001", OrderID: "aaaaaaaa-0000-4000-8000-000000000001",
			Symbol: "BTCUSDT", Side: "buy", ExecType: "Trade", OrderType: "Limit",
			Price: "80799.5", Quantity: "0.1", Value: "8079.95", Fee: "0.071409", FeeRate: "0.00055", FeeAsset: "USDT",
			MarkPrice: "80800.00", Sequence: "4700000001", IsMaker: no(), ExecutedAt: at,
		},
		{
			Category: "linear", ExecID: "bbbbbbbb-0000-4000-8000-000000000002", OrderID: "00000000-1111-4222-8333-444444444444",
			Symbol: "BTCUSDT", Side: "buy", ExecType: "Funding", OrderType: "UNKNOWN",
			Price: "70020.10", Quantity: "0.093", Value: "6511.8693", Fee: "0.6512345", FeeRate: "0.0001", FeeAsset: "USDT",
			MarkPrice: "80800.00", Sequence: "4700000001", IsMaker: no(), ExecutedAt: at,
		},
	}, got.Rows)
}

func TestLiquidationsAndNewExecTypesAreFills(t *testing.T) {
	t.Parallel()
	var types []string
	for _, fill := range fills(t, linear, fixture(t, "edge/execution-list.liquidation-adl.json")).Rows {
		types = append(types, fill.ExecType)
	}
	require.Equal(t, []string{"BustTrade", "AdlTrade", "CorporateAction"}, types)
}

func TestRebatesAreBelowZero(t *testing.T) {
	t.Parallel()
	got := fills(t, spot, fixture(t, "edge/execution-list.spot.maker-rebate.json")).Rows[0]
	require.Equal(t, "2290000000061234567", got.ExecID)
	require.Equal(t, exchange.Number("-0.00000125"), got.Fee)
	require.Equal(t, "ETH", got.FeeAsset, "as the exchange says")
	require.True(t, *got.IsMaker)
}

func TestGotcha18OptionsAreAskedForByTheCoinTheySettleIn(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(executionList, always(list("")))
	client := stand.client(t)
	for _, h := range client.FillHistories() {
		require.Equal(t, exchange.History{Scope: h.Scope, Window: 7 * 24 * time.Hour, Depth: 730 * 24 * time.Hour, Lag: 10 * time.Minute}, h)
		require.True(t, client.Fills(t.Context(), h.Scope, aDay()).Complete)
	}
	var asked []string
	for _, r := range stand.asked(executionList) {
		q := r.URL.Query()
		asked = append(asked, q.Get("category")+" "+q.Get("settleCoin")+" "+q.Get("limit")+q.Get("execType"))
		require.Equal(t, itoa(aDay().From.UnixMilli()), q.Get("startTime"))
		require.Equal(t, itoa(aDay().To.UnixMilli()-1), q.Get("endTime"))
	}
	require.Equal(t, []string{"spot  100", "linear  100", "inverse  100", "option USDT 100", "option USDC 100"}, asked)
}

func TestFillsThatCannotBeStoredAreFaults(t *testing.T) {
	t.Parallel()
	got := fills(t, linear, list("",
		`{"execId":"1","symbol":"BTCUSDT","execTime":"1767225599000","seq":9007199254740993}`,
		`{"execId":"2","symbol":"BTCUSDT"}`,
		`{"execId":"3","symbol":"BTCUSDT","execTime":"0"}`,
		`{"execId":"4","execTime":"1767225599000"}`,
		`{"symbol":"BTCUSDT","execTime":"1767225599000"}`,
		`{"execId":"6","symbol":"BTCUSDT","execTime":"1767225599000","seq":1.5}`,
		`{"execId":"7","symbol":"BTCUSDT","execTime":"1767225599000","execQty":{}}`,
	))
	require.Len(t, got.Rows, 1)
	require.Equal(t, exchange.Number("9007199254740993"), got.Rows[0].Sequence)
	var keys []string
	for _, fault := range got.Faults {
		keys = append(keys, fault.Key)
		require.NotEmpty(t, fault.Payload)
	}
	require.Equal(t, []string{"linear/2", "linear/3", "linear/4", "", "linear/6", "linear/7"}, keys)
}

func TestGotcha5CursorsThatLeadBackEndEveryWalk(t *testing.T) {
	t.Parallel()
	rows := map[endpoint]string{
		executionList:     `{"execId":"1","symbol":"A","execTime":"1767225599000"}`,
		transactionLog:    `{"id":"1","currency":"USDT","transactionTime":"1767225599000"}`,
		fundingHistory:    `{"currency":"USDT","txnAmt":"1","createTime":"1767225599"}`,
		transferRecords:   `{"transferId":"1","coin":"USDT","timestamp":"1767225599000"}`,
		closedPnLRecords:  `{"symbol":"A","orderId":"1","createdTime":"1767225599000"}`,
		orderHistory:      `{"orderId":"1"}`,
		instrumentsInfo:   `{"symbol":"A"}`,
		depositRecords:    `{"id":"1","coin":"USDT","successAt":"1767225599000"}`,
		withdrawalRecords: `{"withdrawId":"1","coin":"USDT","createTime":"1767225599000"}`,
	}
	for name, cursors := range map[string]map[string]string{
		"stuck":       {"": "a", "a": "a"},
		"a two-cycle": {"": "a", "a": "b", "b": "a"},
	} {
		stand := newStand(t)
		for ep, row := range rows {
			stand.on(ep, func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write(named(ep, cursors[r.URL.Query().Get("cursor")], row))
			})
		}
		client, market := stand.client(t), stand.market(t)
		results := map[string]*exchange.Error{
			"fills":       client.Fills(t.Context(), linear, aDay()).Err,
			"closed pnl":  client.ClosedPnL(t.Context(), linear, aDay()).Err,
			"orders":      client.ClosedOrders(t.Context(), linear, aDay()).Err,
			"instruments": market.Instruments(t.Context(), linear).Err,
		}
		for _, h := range client.LedgerHistories() {
			results[string(h.Scope)] = client.LedgerEntries(t.Context(), h.Scope, aDay()).Err
		}
		for what, fault := range results {
			require.NotNil(t, fault, what+" "+name)
			require.Equal(t, exchange.Incomplete, fault.Class, what+" "+name)
		}
	}
}
