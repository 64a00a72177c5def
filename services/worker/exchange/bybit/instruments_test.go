package bybit

import (
	"net/http"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

// Rows of the documentation's examples.
const (
	linearExample = `{"symbol":"BTCUSDT","symbolId":5,"contractType":"LinearPerpetual","status":"Trading","baseCoin":"BTC","quoteCoin":"USDT","launchTime":"1585526400000","deliveryTime":"0","deliveryFeeRate":"","priceScale":"2","leverageFilter":{"minLeverage":"1","maxLeverage":"100.00","leverageStep":"0.01"},"priceFilter":{"minPrice":"0.10","maxPrice":"1999999.80","tickSize":"0.10"},"lotSizeFilter":{"maxOrderQty":"1190.000","minOrderQty":"0.001","qtyStep":"0.001","postOnlyMaxOrderQty":"1190.000","maxMktOrderQty":"500.000","minNotionalValue":"5"},"unifiedMarginTrade":true,"fundingInterval":480,"settleCoin":"USDT","preListingInfo":null}`
	spotExample   = `{"symbolId":9,"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","innovation":"0","status":"Trading","lotSizeFilter":{"basePrecision":"0.000001","quotePrecision":"0.0000001","minOrderQty":"0.000011","maxOrderQty":"83","minOrderAmt":"5","maxOrderAmt":"8000000"},"priceFilter":{"tickSize":"0.1"}}`
	optionExample = `{"symbol":"BTC-27MAR26-70000-P-USDT","status":"Delivering","baseCoin":"BTC","quoteCoin":"USDT","settleCoin":"USDT","optionsType":"Put","launchTime":"1743669649256","deliveryTime":"1774598400000","priceFilter":{"tickSize":"5"},"lotSizeFilter":{"maxOrderQty":"500","minOrderQty":"0.01","qtyStep":"0.01"}}`
)

func listed(t *testing.T, scope exchange.Scope, rows ...string) exchange.Snapshot[exchange.Instrument] {
	t.Helper()
	stand := newStand(t)
	stand.on(instrumentsInfo, always(list("", rows...)))
	got := stand.market(t).Instruments(t.Context(), scope)
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	return got
}

func TestInstrumentColumns(t *testing.T) {
	t.Parallel()
	perpetual := exchange.Instrument{
		Category: "linear", Symbol: "BTCUSDT", Status: "trading", ExchangeStatus: "Trading",
		BaseAsset: "BTC", QuoteAsset: "USDT", SettleAsset: "USDT", ContractType: "LinearPerpetual",
		TickSize: "0.10", QuantityStep: "0.001", MinQuantity: "0.001", MaxQuantity: "1190.000", MinNotional: "5",
		ContractValue: "1", ContractAsset: "BTC", MinLeverage: "1", MaxLeverage: "100.00", FundingMinutes: "480",
		LaunchedAt: time.UnixMilli(1585526400000).UTC(),
	}
	require.Equal(t, []exchange.Instrument{perpetual}, listed(t, linear, linearExample).Rows)
	perpetual.Category, perpetual.ContractAsset = "inverse", "USD"
	require.Equal(t, []exchange.Instrument{perpetual}, listed(t, inverse, linearExample).Rows)
	require.Equal(t, []exchange.Instrument{{
		Category: "spot", Symbol: "BTCUSDT", Status: "trading", ExchangeStatus: "Trading", BaseAsset: "BTC", QuoteAsset: "USDT",
		TickSize: "0.1", QuantityStep: "0.000001", MinQuantity: "0.000011", MaxQuantity: "83", MinNotional: "5",
		ContractValue: "1", ContractAsset: "BTC",
	}}, listed(t, spot, spotExample).Rows)
	require.Equal(t, []exchange.Instrument{{
		Category: "option", Symbol: "BTC-27MAR26-70000-P-USDT", Status: "delivering", ExchangeStatus: "Delivering",
		BaseAsset: "BTC", QuoteAsset: "USDT", SettleAsset: "USDT", OptionType: "Put",
		TickSize: "5", QuantityStep: "0.01", MinQuantity: "0.01", MaxQuantity: "500", ContractValue: "1", ContractAsset: "BTC",
		LaunchedAt: time.UnixMilli(1743669649256).UTC(), DeliversAt: time.UnixMilli(1774598400000).UTC(),
	}}, listed(t, "option:BTC", optionExample).Rows)
}

func TestInstrumentStatuses(t *testing.T) {
	t.Parallel()
	for word, want := range map[text]string{"PreLaunch": "prelaunch", "Trading": "trading", "Delivering": "delivering", "Closed": "closed", "Moved": "unknown", "": "unknown"} {
		require.Equal(t, want, instrumentStatus(word))
	}
}

func TestGotcha18InstrumentsAreAskedWhole(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(instrumentsInfo, always(list("")))
	config := stand.config(t)
	config.Target.OptionBases = []string{"BTC", "XRP"}
	market, err := NewMarket(config)
	require.NoError(t, err)
	require.Equal(t, market.PriceScopes(), market.InstrumentScopes())
	for _, scope := range market.InstrumentScopes() {
		require.True(t, market.Instruments(t.Context(), scope).Complete)
	}
	var asked []string
	for _, r := range stand.asked(instrumentsInfo) {
		q := r.URL.Query()
		asked = append(asked, q.Get("category")+" "+q.Get("status")+" "+q.Get("baseCoin")+" "+q.Get("limit"))
		require.Empty(t, r.Header.Get("X-BAPI-API-KEY"))
	}
	require.Equal(t, []string{
		"spot   ",
		"linear PreLaunch  1000", "linear Trading  1000", "linear Delivering  1000",
		"inverse PreLaunch  1000", "inverse Trading  1000", "inverse Delivering  1000",
		"option  BTC 1000", "option  ETH 1000", "option  SOL 1000", "option  XRP 1000",
	}, asked)
}

func TestAnInstrumentThatMovesOnMeanwhileIsListedAsWhatItBecame(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(instrumentsInfo, func(w http.ResponseWriter, r *http.Request) {
		rows := []string{}
		if status := r.URL.Query().Get("status"); status != "Delivering" {
			rows = append(rows, `{"symbol":"NEWUSDT","status":"`+status+`"}`)
		}
		_, _ = w.Write(list("", rows...))
	})
	got := stand.market(t).Instruments(t.Context(), linear)
	require.True(t, got.Complete)
	require.Len(t, got.Rows, 1)
	require.Equal(t, "trading", got.Rows[0].Status)
}

func TestOneStatusThatFailsLeavesTheListIncomplete(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(instrumentsInfo, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("status") == "Delivering" {
			_, _ = w.Write(fixture(t, "errors/retcode_10001.null-result.json"))
			return
		}
		_, _ = w.Write(list("", linearExample))
	})
	got := stand.market(t).Instruments(t.Context(), linear)
	require.False(t, got.Complete)
	require.Equal(t, exchange.BadRequest, got.Err.Class)
	require.Len(t, got.Rows, 1)
	require.Equal(t, exchange.Unsupported, stand.market(t).Instruments(t.Context(), option).Err.Class)
}

func TestInstrumentPagesAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(instrumentsInfo, byCursor(map[string][]byte{
		"":                                 fixture(t, "pages/instruments-info.linear.p1.json"),
		"first%3DBTCUSDT%26last%3DBTCPERP": fixture(t, "pages/instruments-info.linear.p2.json"),
	}))
	got := stand.market(t).Instruments(t.Context(), linear)
	require.True(t, got.Complete)
	require.Len(t, got.Rows, 3)
	require.Equal(t, "USDC", got.Rows[1].SettleAsset)
}

func TestInstrumentsThatCannotBeReadAreFaults(t *testing.T) {
	t.Parallel()
	got := listed(t, spot, `{"status":"Trading"}`, `{"symbol":"A","priceFilter":{"tickSize":"x"}}`, `{"symbol":"B","lotSizeFilter":[]}`, `{"symbol":"C"}`)
	require.Len(t, got.Rows, 1)
	require.Equal(t, []string{"", "spot/A", "spot/B"}, []string{got.Faults[0].Key, got.Faults[1].Key, got.Faults[2].Key})
	require.Contains(t, got.Faults[1].Reason, "tickSize")
}
