package exchangesim_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func TestParameterRules(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	now := noon().UnixMilli()
	const week = 7 * 24 * 3600 * 1000
	for _, tt := range []struct {
		path, query string
		code        int
		message     string
	}{
		{walletPath, "", 10001, "accountType is required"},
		{walletPath, "accountType=FUND", 10001, "accountType only support UNIFIED."},
		{walletPath, "accountType=UNIFIED&coin=NOSUCH", 10001, "coin invalid"},
		{walletPath, "accountType=%zz", 10001, "cannot be decoded"},

		{positionPath, "", 10001, "category is required"},
		{positionPath, "category=spot", 10001, "category invalid"},
		{positionPath, "category=linear", 10001, "is required for linear"},
		{positionPath, "category=linear&baseCoin=BTC", 10001, "is required for linear"},
		{positionPath, "category=linear&settleCoin=USDT", 0, ""},
		{positionPath, "category=linear&symbol=BTCUSDT", 0, ""},
		{positionPath, "category=linear&symbol=NOSUCH", 10001, "symbol invalid"},
		{positionPath, "category=inverse", 0, ""},
		{positionPath, "category=option", 0, ""},
		{positionPath, "category=inverse&limit=0", 10001, "limit"},
		{positionPath, "category=inverse&limit=1", 0, ""},
		{positionPath, "category=inverse&limit=200", 0, ""},
		{positionPath, "category=inverse&limit=201", 10001, "[1, 200]"},
		{positionPath, "category=inverse&limit=ten", 10001, "limit"},

		{openPath, "category=linear", 10001, "is required for linear"},
		{openPath, "category=linear&baseCoin=BTC", 0, ""},
		{openPath, "category=linear&orderId=1", 0, ""},
		{openPath, "category=spot", 0, ""},
		{openPath, "category=spot&settleCoin=USDT", 10001, "not supported for spot"},
		{openPath, "category=option&settleCoin=BTC", 10001, "settleCoin invalid"},
		{openPath, "category=option&limit=50", 0, ""},
		{openPath, "category=option&limit=51", 10001, "[1, 50]"},
		{openPath, "category=option&openOnly=2", 10001, "openOnly"},
		{openPath, "category=option&orderFilter=Anything", 10001, "orderFilter"},

		{historyPath, "category=linear", 0, ""},
		{historyPath, "category=linear&limit=51", 10001, "[1, 50]"},
		{historyPath, "category=linear&orderStatus=New", 181017, "final"},
		{historyPath, "category=linear&orderStatus=Filled", 0, ""},
		{historyPath, fmt.Sprintf("category=linear&startTime=%d&endTime=%d", now-week, now), 0, ""},
		{historyPath, fmt.Sprintf("category=linear&startTime=%d&endTime=%d", now-week-1, now), 10001, "cannot exceed 7 days"},
		{historyPath, fmt.Sprintf("category=linear&startTime=%d&endTime=%d", now, now-1), 10001, "after endTime"},
		{historyPath, fmt.Sprintf("category=linear&startTime=%d", now/1000), 10001, "2 years"},
		{historyPath, "category=linear&startTime=yesterday", 10001, "milliseconds"},

		{tickerPath, "category=option", 10001, "symbol or baseCoin"},
		{tickerPath, "category=option&baseCoin=BTC", 0, ""},
		{tickerPath, "category=option&baseCoin=BTC&expDate=27MAR26", 0, ""},
		{tickerPath, "category=linear&symbol=NOSUCH", 10001, "symbol invalid"},
		{tickerPath, "category=futures", 10001, "category invalid"},
	} {
		t.Run(tt.path+"?"+tt.query, func(t *testing.T) {
			t.Parallel()
			r := c.Get(t, tt.path, tt.query)
			require.Equal(t, http.StatusOK, r.Status)
			require.Equal(t, tt.code, r.RetCode, r.RetMsg)
			require.Contains(t, r.RetMsg, tt.message)
		})
	}
}

func TestClassicAccountHasNoUnifiedWallet(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	_, err := s.SetMode(s.UID(0), 1)
	require.NoError(t, err)
	missing := s.Client(0).Get(t, walletPath, "accountType=UNIFIED")
	require.Equal(t, http.StatusNotFound, missing.Status)
	require.Empty(t, missing.Body)
	for path, query := range map[string]string{
		walletPath: "accountType=CONTRACT", positionPath: "category=inverse", openPath: "category=spot", historyPath: "category=spot",
	} {
		require.Zero(t, s.Client(0).Get(t, path, query).RetCode, path)
	}
	require.Equal(t, 10028, s.Client(0).Get(t, openPath, "category=option").RetCode)
	r := s.Client(0).Get(t, infoPath, "")
	require.Contains(t, string(r.Result), `"unifiedMarginStatus":1`)
	_, err = s.SetMode(s.UID(0), 2)
	require.ErrorContains(t, err, "unified_margin_status")
}

func TestDefaultPageSizeIsTwenty(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Positions: 25, OpenOrders: 25, Steady: true}})
	for path, query := range map[string]string{positionPath: "category=inverse", openPath: "category=inverse", historyPath: "category=inverse"} {
		rows, cursor := exchangesimtest.List[map[string]any](t, s.Client(0).Get(t, path, query))
		require.Len(t, rows, 20, path)
		require.NotEmpty(t, cursor, path)
	}
}

func TestConfigNamesAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := exchangesim.New(exchangesim.Config{
		Accounts: 0, Tick: time.Microsecond, Epoch: time.Now().Add(time.Hour), HistoryBy: "mood",
		Rows:       exchangesim.Rows{Assets: -1, Positions: 30, Symbols: 5},
		LimitSizes: exchangesim.LimitSizes{PerUID: map[string]int{"/v5/market/time": 5, keyPath: -2}, IPBan: -time.Second},
		Faults:     []exchangesim.Fault{{Kind: "mischief"}, {Kind: exchangesim.FaultStatus, Value: "200", Endpoint: "/nowhere"}},
	})
	for _, part := range []string{
		"accounts", "tick", "future", "history-by", "assets", "30 positions", "/v5/market/time", "at least 1 request", "ban",
		"fault 1: unknown kind", "fault 2: unknown endpoint", "400 to 599",
	} {
		require.ErrorContains(t, err, part)
	}
}
