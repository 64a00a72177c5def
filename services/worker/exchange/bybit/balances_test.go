package bybit

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func wallet(t *testing.T, body []byte) exchange.Snapshot[exchange.Balance] {
	t.Helper()
	stand := newStand(t)
	stand.on(walletBalance, always(body))
	got := stand.client(t).Balances(t.Context(), unified)
	for _, r := range stand.asked(walletBalance) {
		require.Equal(t, "UNIFIED", r.URL.Query().Get("accountType"))
	}
	return got
}

func TestBalancesOfACrossMarginAccount(t *testing.T) {
	t.Parallel()
	got := wallet(t, fixture(t, "edge/wallet-balance.multi-coin.json"))
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	require.Empty(t, got.Faults)
	require.Equal(t, fixtureTime, got.AsOf)
	require.Equal(t, []exchange.Balance{
		{Wallet: "unified", Asset: "USDT", Total: "11450.00000000", Locked: "100", Borrowed: "0.000000000000000000", Equity: "11440.12345679", USDValue: "11438.90000000"},
		{Wallet: "unified", Asset: "BTC", Total: "0.1650243412345678", Locked: "0", Borrowed: "0.000000000000000000", Equity: "0.1650243412345678", USDValue: "14868.86915054"},
		{Wallet: "unified", Asset: "ETH", Total: "0", Locked: "0", Borrowed: "0.061420000000000000", Equity: "-0.06142", USDValue: "-191.31"},
		{Wallet: "unified", Asset: "SHIB1000X", Total: "0.0000000001", Locked: "0", Borrowed: "0.000000000000000000", Equity: "0.0000000001", USDValue: "0"},
	}, got.Rows)
}

func TestAvailableIsComputedForIsolatedMarginOnly(t *testing.T) {
	t.Parallel()
	isolated := wallet(t, fixture(t, "edge/wallet-balance.isolated.empty-totals.json"))
	require.Equal(t, exchange.Number("43.2098766"), isolated.Rows[0].Available, "55.5555555 - 12.3456789 - 0 - 0 - 0")
	portfolio := wallet(t, fixture(t, "edge/wallet-balance.portfolio-margin.json"))
	require.Equal(t, exchange.Number(""), portfolio.Rows[0].Available)
	require.Equal(t, exchange.Number("1000.5"), portfolio.Rows[0].Total)
}

func TestAvailableNeedsEveryTerm(t *testing.T) {
	t.Parallel()
	whole := coinRow{Wallet: "0.1000000000000000001", PositionIM: "0.02", OrderIM: "0.03", Locked: "0.04", Bonus: "0.01"}
	require.Equal(t, exchange.Number("0.0000000000000000001"), available(whole), "exact, to the nineteenth place")
	without := []func(*coinRow){
		func(r *coinRow) { r.Wallet = "" },
		func(r *coinRow) { r.PositionIM = "" },
		func(r *coinRow) { r.OrderIM = "" },
		func(r *coinRow) { r.Locked = "" },
		func(r *coinRow) { r.Bonus = "" },
	}
	for i, remove := range without {
		row := whole
		remove(&row)
		require.Empty(t, available(row), i)
	}
}

func TestTotalsThatAreMissingAreNoSignOfIsolatedMargin(t *testing.T) {
	t.Parallel()
	coin := `{"coin":"USDT","walletBalance":"5","locked":"0","bonus":"0","totalOrderIM":"0","totalPositionIM":"0"}`
	for _, totals := range []string{``, `"totalAvailableBalance":null,"totalMarginBalance":null,"totalInitialMargin":null,`, `"totalAvailableBalance":"","totalMarginBalance":"",`} {
		got := wallet(t, list("", fmt.Sprintf(`{"accountType":"UNIFIED",%s"coin":[%s]}`, totals, coin)))
		require.True(t, got.Complete)
		require.Empty(t, got.Rows[0].Available, totals)
	}
}

func TestEmptyWalletIsCompleteAndEmptyListIsNot(t *testing.T) {
	t.Parallel()
	none := wallet(t, fixture(t, "edge/wallet-balance.no-coins.json"))
	require.True(t, none.Complete)
	require.Nil(t, none.Err)
	require.Empty(t, none.Rows)

	for _, body := range [][]byte{list(""), list("", `{"accountType":"CONTRACT","coin":[]}`)} {
		unsaid := wallet(t, body)
		require.False(t, unsaid.Complete)
		require.Equal(t, exchange.Incomplete, unsaid.Err.Class)
	}
	for _, coins := range []string{`{"accountType":"UNIFIED"}`, `{"accountType":"UNIFIED","coin":null}`} {
		unsaid := wallet(t, list("", coins))
		require.False(t, unsaid.Complete)
		require.Equal(t, exchange.Decode, unsaid.Err.Class)
		require.NotEmpty(t, unsaid.Err.Payload)
	}
}

func TestGotcha1EveryFormOfNoNumberIsNone(t *testing.T) {
	t.Parallel()
	for _, none := range []string{`"walletBalance":"",`, `"walletBalance":null,`, ``} {
		got := wallet(t, list("", fmt.Sprintf(`{"coin":[{%s"coin":"USDT"}]}`, none)))
		require.True(t, got.Complete)
		require.Empty(t, got.Faults)
		require.Equal(t, []exchange.Balance{{Wallet: "unified", Asset: "USDT"}}, got.Rows)
	}
	got := wallet(t, list("", `{"coin":[{"walletBalance":1234567890.1234567890123456789,"equity":-1e-18,"coin":"USDT"}]}`))
	require.Equal(t, exchange.Number("1234567890.1234567890123456789"), got.Rows[0].Total, "a JSON number keeps its digits")
	require.Equal(t, exchange.Number("-1e-18"), got.Rows[0].Equity)
}

func TestFaultyRowsKeepTheirKeyIfItCanBeRead(t *testing.T) {
	t.Parallel()
	got := wallet(t, list("", `{"coin":[
		{"coin":"BTC","walletBalance":"1"},
		{"walletBalance":"NaN","note":"testkey0001","coin":"ETH"},
		{"walletBalance":"7"},
		"no object",
		{"coin":{"name":"SOL"}}]}`))
	require.True(t, got.Complete, "every page came")
	require.Equal(t, []exchange.Balance{{Wallet: "unified", Asset: "BTC", Total: "1"}}, got.Rows)
	require.Len(t, got.Faults, 4)
	require.Equal(t, "unified/ETH", got.Faults[0].Key)
	require.Contains(t, got.Faults[0].Reason, "walletBalance")
	require.Contains(t, got.Faults[0].Reason, "NaN")
	require.NotContains(t, string(got.Faults[0].Payload), testKey)
	require.Contains(t, string(got.Faults[0].Payload), "[redacted]")
	for _, fault := range got.Faults[1:] {
		require.Empty(t, fault.Key)
		require.NotEmpty(t, fault.Reason)
	}
}

func TestWalletThatIsNotThereIsUnsupported(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, replay(t, "http/404-empty.json"))
	got := stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.Unsupported, got.Err.Class)
	stand.on(walletBalance, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "<html>nginx</html>", http.StatusNotFound) })
	got = stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.BadRequest, got.Err.Class, "a 404 with a page is a wrong address")
}

func TestScopesThatAreNotServedAreRefused(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	client, market := stand.client(t), stand.market(t)
	require.Equal(t, exchange.Unsupported, client.Balances(t.Context(), "contract").Err.Class)
	require.Equal(t, exchange.Unsupported, client.Positions(t.Context(), "linear").Err.Class)
	require.Equal(t, exchange.Unsupported, client.OpenOrders(t.Context(), "linear:BTC").Err.Class)
	require.Equal(t, exchange.Unsupported, client.ClosedOrders(t.Context(), "linear:USDT", exchange.Window{}).Err.Class)
	require.Equal(t, exchange.Unsupported, market.Prices(t.Context(), "option").Err.Class)
	_, _, fault := client.Order(t.Context(), exchange.Order{Category: "linear:USDT", OrderID: "x"})
	require.Equal(t, exchange.Unsupported, fault.Class)
	require.Empty(t, stand.requests)
}
