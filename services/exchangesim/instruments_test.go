package exchangesim_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

const instrumentsPath = "/v5/market/instruments-info"

// instrument has what the rows of all categories share.
type instrument struct {
	Symbol, Status, BaseCoin, QuoteCoin, SettleCoin, ContractType, LaunchTime, DeliveryTime string
	IsPreListing                                                                            bool
	PreListingInfo                                                                          *struct{ CurAuctionPhase string }
}

func instruments(t *testing.T, s *exchangesimtest.Server, query string) map[string]instrument {
	t.Helper()
	found := map[string]instrument{}
	for _, row := range walk[instrument](t, s.Client(0), instrumentsPath, query) {
		require.NotContains(t, found, row.Symbol)
		found[row.Symbol] = row
	}
	return found
}

// TestInstrumentsAreThoseThatTrade: what tickers price is listed as Trading, and
// nothing else is; whatever an account holds is listed with its settle coin.
func TestInstrumentsAreThoseThatTrade(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Steady: true}})
	truth, err := s.Truth(s.UID(0), noon())
	require.NoError(t, err)
	for _, category := range []string{"spot", "linear", "inverse", "option"} {
		trading := instruments(t, s, "category="+category+"&status=Trading"+allBases(category))
		require.Len(t, trading, len(truth.Prices[category]), category)
		for _, row := range truth.Prices[category] {
			var priced struct{ Symbol string }
			require.NoError(t, json.Unmarshal([]byte(canonical(t, row)), &priced))
			require.Equal(t, "Trading", trading[priced.Symbol].Status, priced.Symbol)
		}
		for _, rows := range truth.Orders[category] {
			require.Contains(t, trading, rows.Symbol, "orders of a week are in instruments that still trade")
		}
	}
	for scope, rows := range truth.Positions {
		category, _, _ := strings.Cut(scope, ":")
		listed := instruments(t, s, "category="+category+allBases(category))
		for _, p := range rows {
			require.Equal(t, settleCoin(scope, p.Symbol), listed[p.Symbol].SettleCoin, p.Symbol)
		}
	}
}

func allBases(category string) string {
	if category == "option" {
		return "&baseCoin=All"
	}
	return ""
}

func TestInstrumentStatuses(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	count := func(query string) map[string]int {
		statuses := map[string]int{}
		for _, row := range instruments(t, s, query) {
			statuses[row.Status]++
		}
		return statuses
	}
	require.Equal(t, map[string]int{"Trading": 26}, count("category=linear"), "24 perpetuals and 2 futures")
	require.Equal(t, map[string]int{"Trading": 12}, count("category=spot"))
	require.Empty(t, count("category=spot&status=Closed"), "spot has no other")
	require.Equal(t, map[string]int{"Trading": 40, "PreLaunch": 20}, count("category=option"), "BTC by default, and what is to come")
	require.Equal(t, map[string]int{"Closed": 80}, count("category=option&status=Closed"))
	require.Equal(t, map[string]int{"PreLaunch": 3}, count("category=linear&status=PreLaunch"))
	require.Equal(t, map[string]int{"Delivering": 1}, count("category=linear&status=Delivering"))
	require.Equal(t, map[string]int{"Closed": 2*4 + 12}, count("category=linear&status=Closed"))

	coming := instruments(t, s, "category=linear&status=PreLaunch")["BTCUSDT-26JUN26"]
	require.True(t, coming.IsPreListing)
	require.NotNil(t, coming.PreListingInfo)
	trading := instruments(t, s, "category=linear")["BTCUSDT-27MAR26"]
	require.Nil(t, trading.PreListingInfo)
	require.Equal(t, coming.LaunchTime, trading.DeliveryTime, "one follows the other")
	require.Equal(t, "LinearFutures", trading.ContractType)
	require.True(t, instant(t, trading.LaunchTime).Before(noon()))

	// The delivery: what traded is delivered, then closed; what was to come trades.
	clock.Advance(instant(t, trading.DeliveryTime).Sub(noon()))
	require.Equal(t, "Delivering", instruments(t, s, "category=linear&status=Delivering")["BTCUSDT-27MAR26"].Status)
	require.Equal(t, "Trading", instruments(t, s, "category=linear")["BTCUSDT-26JUN26"].Status)
	require.Equal(t, map[string]int{"Trading": 40, "PreLaunch": 20, "Delivering": 20}, count("category=option"))
	clock.Advance(time.Hour)
	require.Equal(t, "Closed", instruments(t, s, "category=linear&status=Closed")["BTCUSDT-27MAR26"].Status)
}

// TestAYoungWorldHasNoOldInstruments: nothing is older than its epoch.
func TestAYoungWorldHasNoOldInstruments(t *testing.T) {
	t.Parallel()
	epoch := noon().Add(-40 * 24 * time.Hour)
	s, _ := still(t, exchangesim.Config{Epoch: epoch})
	require.Equal(t, map[string]instrument{}, instruments(t, s, "category=inverse&status=Closed"))
	require.Empty(t, instruments(t, s, "category=option&status=Closed"))
	closed := instruments(t, s, "category=linear&status=Closed")
	require.Len(t, closed, 1)
	require.Contains(t, closed, "PRE2602USDT")
	for _, row := range instruments(t, s, "category=linear") {
		require.False(t, instant(t, row.LaunchTime).Before(epoch))
	}
}

func TestInstrumentFilters(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	names := func(query string) []string {
		var list []string
		for _, row := range walk[instrument](t, s.Client(0), instrumentsPath, query) {
			list = append(list, row.Symbol)
		}
		return list
	}
	require.Equal(t, []string{"ETHUSDT"}, names("category=linear&symbol=ETHUSDT"))
	require.Empty(t, names("category=linear&symbol=BTCUSDT-26JUN26"), "known, but not trading")
	require.Equal(t, []string{"ETHUSDT", "ETHPERP", "ETHUSDT-27MAR26", "ETHUSD", "ETHUSDH26"}, names("category=linear&baseCoin=ETH"), "inverse too")
	require.Equal(t, []string{"ETHUSD", "ETHUSDH26", "ETHUSDT", "ETHPERP", "ETHUSDT-27MAR26"}, names("category=inverse&baseCoin=ETH"))
	require.Len(t, names("category=option&baseCoin=SOL"), 60)
	require.Len(t, names("category=spot&baseCoin=ETH"), 12, "spot knows no base coin")
	require.Empty(t, names("category=linear&symbolType=innovation"))
	code := func(query string) int { return s.Client(0).Get(t, instrumentsPath, query).RetCode }
	for _, bad := range []string{
		"", "category=futures", "category=linear&status=Sleeping", "category=linear&symbol=NOSUCH", "category=spot&symbol=NOSUCH",
		"category=linear&limit=0", "category=linear&limit=1001", "category=linear&cursor=nonsense",
	} {
		require.Equal(t, 10001, code(bad), bad)
	}
	require.Zero(t, code("category=linear&limit=1000"))
}

func TestInstrumentPages(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Symbols: 300}})
	c := s.Client(0)
	rows, cursor := exchangesimtest.List[instrument](t, c.Get(t, instrumentsPath, "category=linear"))
	require.Len(t, rows, 500)
	require.NotEmpty(t, cursor)
	rest, cursor := exchangesimtest.List[instrument](t, c.Get(t, instrumentsPath, withCursor("category=linear", cursor)))
	require.Len(t, rest, 102)
	require.Empty(t, cursor)
	spot := c.Get(t, instrumentsPath, "category=spot&limit=7")
	rows, _ = exchangesimtest.List[instrument](t, spot)
	require.Len(t, rows, 300, "spot has no pages")
	require.NotContains(t, string(spot.Result), "nextPageCursor")
	require.NotContains(t, string(spot.Result), "settleCoin")
}

// TestInstrumentFields: every field of the documentation's examples is there.
func TestInstrumentFields(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	for query, example := range map[string]string{
		"category=linear&symbol=BTCUSDT": `{"symbol":"BTCUSDT","symbolId":5,"contractType":"LinearPerpetual","status":"Trading","baseCoin":"BTC","quoteCoin":"USDT","launchTime":"1585526400000","deliveryTime":"0","deliveryFeeRate":"","priceScale":"2","leverageFilter":{"minLeverage":"1","maxLeverage":"100.00","leverageStep":"0.01"},"priceFilter":{"minPrice":"0.10","maxPrice":"1999999.80","tickSize":"0.10"},"lotSizeFilter":{"maxOrderQty":"1190.000","minOrderQty":"0.001","qtyStep":"0.001","postOnlyMaxOrderQty":"1190.000","maxMktOrderQty":"500.000","minNotionalValue":"5"},"unifiedMarginTrade":true,"fundingInterval":480,"settleCoin":"USDT","copyTrading":"both","upperFundingRate":"0.00375","lowerFundingRate":"-0.00375","isPreListing":false,"preListingInfo":null,"riskParameters":{"priceLimitRatioX":"0.01","priceLimitRatioY":"0.02"},"symbolType":""}`,
		"category=spot&symbol=BTCUSDT":   `{"symbolId":9,"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","innovation":"0","status":"Trading","marginTrading":"utaOnly","stTag":"0","lotSizeFilter":{"basePrecision":"0.000001","quotePrecision":"0.0000001","minOrderQty":"0.000011","maxOrderQty":"83","minOrderAmt":"5","maxOrderAmt":"8000000","maxLimitOrderQty":"83","maxMarketOrderQty":"41.5","postOnlyMaxLimitOrderSize":"60000"},"priceFilter":{"tickSize":"0.1"},"riskParameters":{"priceLimitRatioX":"0.005","priceLimitRatioY":"0.01"},"symbolType":""}`,
		"category=option":                `{"symbol":"BTC-27MAR26-70000-P-USDT","status":"Trading","baseCoin":"BTC","quoteCoin":"USDT","settleCoin":"USDT","optionsType":"Put","launchTime":"1743669649256","deliveryTime":"1774598400000","deliveryFeeRate":"0.00015","priceFilter":{"minPrice":"5","maxPrice":"1110000","tickSize":"5"},"lotSizeFilter":{"maxOrderQty":"500","minOrderQty":"0.01","qtyStep":"0.01"},"displayName":"BTCUSDT-27MAR26-70000-P"}`,
	} {
		rows, _ := exchangesimtest.List[map[string]any](t, s.Client(0).Get(t, instrumentsPath, query))
		var want map[string]any
		require.NoError(t, json.Unmarshal([]byte(example), &want))
		requireFields(t, want, rows[0])
	}
}

// requireFields: what the example has, the row has, of the same JSON type.
func requireFields(t *testing.T, want, got map[string]any) {
	t.Helper()
	for name, value := range want {
		require.Contains(t, got, name)
		if value != nil {
			require.IsType(t, value, got[name], name)
		}
		if inner, ok := value.(map[string]any); ok {
			requireFields(t, inner, got[name].(map[string]any))
		}
	}
}

func TestPricesAndQuantitiesKeepTheirSteps(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Steady: true}})
	rows, err := s.Instruments("linear", noon())
	require.NoError(t, err)
	steps := map[string]exchangesim.ContractInstrument{}
	for _, row := range rows {
		steps[row.(exchangesim.ContractInstrument).Symbol] = row.(exchangesim.ContractInstrument)
	}
	truth, err := s.Truth(s.UID(0), noon())
	require.NoError(t, err)
	for _, order := range truth.Orders["linear"] {
		step := steps[order.Symbol]
		require.True(t, dec(t, order.Price).Mod(dec(t, step.PriceFilter.TickSize)).IsZero(), order.Price)
		require.True(t, dec(t, order.Qty).Mod(dec(t, step.LotSizeFilter.QtyStep)).IsZero(), order.Qty)
	}
	_, err = s.Instruments("futures", noon())
	require.ErrorContains(t, err, "no category")
	_, err = s.Instruments("linear", noon().Add(time.Hour))
	require.ErrorIs(t, err, exchangesim.ErrFuture)
}
