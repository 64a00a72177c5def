package exchangesim_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func executions(t *testing.T, c *exchangesimtest.Client, query string) []exchangesim.ExecutionRow {
	t.Helper()
	return walk[exchangesim.ExecutionRow](t, c, fillsPath, "limit=100&"+query)
}

func TestOrdersAreTheSumsOfTheirFills(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{HistoryBy: "updated"})
	for _, category := range []string{"spot", "linear", "inverse", "option"} {
		c, several := s.Client(0), 0
		for id, o := range history(t, c, "category="+category) {
			qty, value, fees := dec(t, "0"), dec(t, "0"), map[string]string{}
			fills := executions(t, c, "category="+category+"&symbol=IGNORED&startTime=1&orderId="+id)
			for i, f := range fills {
				require.Equal(t, [4]string{id, o.Symbol, o.Side, o.Qty}, [4]string{f.OrderID, f.Symbol, f.Side, f.OrderQty})
				require.True(t, i == 0 || f.ExecTime <= fills[i-1].ExecTime, "newest first")
				require.NotEqual(t, "0", f.ExecQty)
				qty, value = qty.Add(dec(t, f.ExecQty)), value.Add(dec(t, f.ExecValue))
				fees[f.FeeCurrency] = dec(t, stringOr(fees[f.FeeCurrency], "0")).Add(dec(t, f.ExecFee)).String()
			}
			require.True(t, qty.Equal(dec(t, o.CumExecQty)), "%s and %s", qty, o.CumExecQty)
			require.True(t, value.Equal(dec(t, o.CumExecValue)), "%s and %s", value, o.CumExecValue)
			for coin, fee := range fees {
				require.True(t, dec(t, fee).Equal(dec(t, o.CumFeeDetail[coin])), "%s %s", coin, id)
			}
			if len(fills) > 1 {
				several++
			}
		}
		require.Positive(t, several, category)
	}
}

func stringOr(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func TestSpotFillsHaveNumbersAndRebates(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	rebates := 0
	for _, f := range executions(t, s.Client(0), "category=spot") {
		_, err := strconv.ParseUint(f.ExecID, 10, 64)
		require.NoError(t, err)
		require.Greater(t, f.Seq, int64(1)<<53)
		base := f.Symbol[:len(f.Symbol)-4]
		paidInBase := f.Side == "Buy"
		if dec(t, f.ExecFee).IsNegative() {
			rebates++
			require.True(t, f.IsMaker)
			paidInBase = !paidInBase
		}
		require.Equal(t, paidInBase, f.FeeCurrency == base, "%+v", f)
	}
	require.Positive(t, rebates)
}

func TestFundingRowsAreOppositeInFillsAndLog(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	week := fmt.Sprintf("&startTime=%d&endTime=%d", noon().AddDate(0, 0, -7).UnixMilli(), noon().UnixMilli())
	settled := map[string]exchangesim.LedgerRow{}
	for _, row := range walk[exchangesim.LedgerRow](t, c, logPath, "limit=50&accountType=UNIFIED&type=SETTLEMENT"+week) {
		require.Equal(t, "SETTLEMENT", row.Type)
		require.True(t, dec(t, row.Change).Equal(dec(t, row.Funding)))
		settled[row.TradeID] = row
	}
	count := 0
	for _, category := range []string{"linear", "inverse"} {
		mixed := executions(t, c, "category="+category+week)
		funded := executions(t, c, "category="+category+"&execType=Funding"+week)
		traded := executions(t, c, "category="+category+"&execType=Trade"+week)
		require.NotEmpty(t, traded)
		require.GreaterOrEqual(t, len(mixed), len(funded)+len(traded))
		for _, f := range funded {
			count++
			require.Equal(t, "UNKNOWN", f.OrderType)
			require.Zero(t, instant(t, f.ExecTime).Sub(instant(t, f.ExecTime).Truncate(8*time.Hour)))
			require.True(t, dec(t, f.ExecFee).Neg().Equal(dec(t, settled[f.ExecID].Funding)), "%+v", f)
			require.Contains(t, mixed, f)
		}
	}
	require.Positive(t, count)
	require.Len(t, settled, count)
}

func TestRowsAreListedAfterTheIndexingDelay(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{IndexingDelay: 30 * time.Second})
	uid, c := s.UID(0), s.Client(0)
	id, _, err := s.PlaceOrder(uid, exchangesim.OrderSpec{Category: "linear", Symbol: "BTCUSDT", Side: "Buy", Price: "50000", Qty: "0.1"})
	require.NoError(t, err)
	at, err := s.FillOrder(uid, "linear", id)
	require.NoError(t, err)
	clock.Advance(2 * time.Second)
	seen := func() [3]int {
		counts := [3]int{}
		for _, f := range executions(t, c, "category=linear") {
			if f.OrderID == id {
				counts[0]++
			}
		}
		for _, row := range walk[exchangesim.LedgerRow](t, c, logPath, "limit=50&category=linear") {
			if row.OrderID == id {
				counts[1]++
			}
		}
		if _, ok := history(t, c, "category=linear")[id]; ok {
			counts[2]++
		}
		return counts
	}
	require.Equal(t, [3]int{}, seen())
	require.Len(t, history(t, c, "category=linear&orderId="+id), 1, "a lookup by id does not wait")
	require.Len(t, executions(t, c, "category=linear&orderId="+id), 1)
	clock.Advance(30 * time.Second)
	require.Equal(t, [3]int{1, 1, 1}, seen())
	f := executions(t, c, "category=linear&orderId="+id)[0]
	require.Equal(t, [2]string{"0.1", strconv.FormatInt(at.UnixMilli(), 10)}, [2]string{f.ExecQty, f.ExecTime})
}

func TestExecutionAndLogParameters(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	for _, f := range executions(t, c, "category=option") {
		require.Regexp(t, "^BTC-", f.Symbol, "options default to BTC")
	}
	other := false
	for _, f := range executions(t, c, "category=option&settleCoin=USDT") {
		other = other || f.Symbol[:3] != "BTC"
		require.Regexp(t, "-USDT$", f.Symbol)
	}
	require.True(t, other)
	now := noon().UnixMilli()
	const week = 7 * 24 * 3600 * 1000
	for query, code := range map[string]int{
		fillsPath + "?": 10001, fillsPath + "?category=spot&limit=101": 10001, fillsPath + "?category=spot&limit=100": 0,
		fillsPath + fmt.Sprintf("?category=spot&startTime=%d&endTime=%d", now-week-1, now): 10001,
		logPath + "?accountType=CONTRACT":                                                  10001,
		logPath + "?limit=51":                                                              10001,
		logPath + "?accountType=UNIFIED&limit=50":                                          0,
		logPath + fmt.Sprintf("?startTime=%d&endTime=%d", now-week-1, now):                 10001,
		closedPath + "?category=option":                                                    10001,
		closedPath + "?category=inverse&limit=100":                                         0,
	} {
		path, rest, _ := strings.Cut(query, "?")
		require.Equal(t, code, c.Get(t, path, rest).RetCode, query)
	}
	day := noon().Add(-24 * time.Hour)
	rows := walk[exchangesim.LedgerRow](t, c, logPath, "limit=50")
	require.NotEmpty(t, rows)
	for _, row := range rows {
		require.False(t, instant(t, row.TransactionTime).Before(day), "without bounds the last day")
	}
	for _, row := range walk[exchangesim.LedgerRow](t, c, logPath, "limit=50&currency=BTC") {
		require.Equal(t, "BTC", row.Currency)
	}
}
