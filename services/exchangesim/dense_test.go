package exchangesim_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

const (
	fillsPath  = "/v5/execution/list"
	logPath    = "/v5/account/transaction-log"
	closedPath = "/v5/position/closed-pnl"
)

// dense is a world with a history of so many days before noon's day, the last
// of them quiet.
func dense(t *testing.T, fills, days, quiet int, symbols ...string) *exchangesimtest.Server {
	t.Helper()
	s, _ := still(t, exchangesim.Config{History: exchangesimtest.History(noon(), days, quiet, fills, symbols...)})
	return s
}

// windows walks a history over windows of a week, as a client must.
func windows[T any](t *testing.T, c *exchangesimtest.Client, path, query string, from time.Time) []T {
	t.Helper()
	var all []T
	for ; from.Before(noon()); from = from.Add(7 * 24 * time.Hour) {
		to := from.Add(7*24*time.Hour - time.Millisecond)
		bounds := fmt.Sprintf("&startTime=%d&endTime=%d", from.UnixMilli(), to.UnixMilli())
		all = append(all, walk[T](t, c, path, query+bounds)...)
	}
	return all
}

func TestDenseHistoryIsExactAndConsistent(t *testing.T) {
	t.Parallel()
	const days, quiet, perDay = 22, 8, 40
	s := dense(t, perDay, days, quiet, "BTCUSDT", "spot:ETHUSDT")
	c, from := s.Client(0), noon().Truncate(24*time.Hour).AddDate(0, 0, -days)
	fills := windows[exchangesim.ExecutionRow](t, c, fillsPath, "category=linear&limit=100", from)
	spot := windows[exchangesim.ExecutionRow](t, c, fillsPath, "category=spot&limit=100", from)
	require.Len(t, fills, (days-quiet)*perDay)
	require.Len(t, spot, (days-quiet)*perDay)
	perDate, byID := map[string]int{}, map[string]exchangesim.ExecutionRow{}
	for _, f := range append(fills, spot...) {
		perDate[f.Symbol+instant(t, f.ExecTime).Format(time.DateOnly)]++
		require.NotContains(t, byID, f.ExecID)
		byID[f.ExecID] = f
	}
	require.Len(t, perDate, 2*(days-quiet))
	for date, n := range perDate {
		require.Equal(t, perDay, n, date)
	}
	requireOrdersAddUp(t, c, from, "linear", fills)
	requireOrdersAddUp(t, c, from, "spot", spot)
	requireLegs(t, windows[exchangesim.LedgerRow](t, c, logPath, "accountType=UNIFIED&limit=50&type=TRADE", from), byID, len(fills)+2*len(spot))
}

// requireOrdersAddUp: each order is the sum of its one to four fills.
func requireOrdersAddUp(t *testing.T, c *exchangesimtest.Client, from time.Time, category string, fills []exchangesim.ExecutionRow) {
	t.Helper()
	type sum struct {
		fills      int
		qty, value decimal.Decimal
	}
	sums := map[string]sum{}
	for _, f := range fills {
		s := sums[f.OrderID]
		sums[f.OrderID] = sum{s.fills + 1, s.qty.Add(dec(t, f.ExecQty)), s.value.Add(dec(t, f.ExecValue))}
	}
	orders := windows[exchangesim.OrderRow](t, c, historyPath, "category="+category+"&limit=50", from.Add(-24*time.Hour))
	require.Len(t, orders, len(sums))
	for _, o := range orders {
		s := sums[o.OrderID]
		require.True(t, s.fills >= 1 && s.fills <= 4, s.fills)
		require.True(t, s.qty.Equal(dec(t, o.CumExecQty)), "%s and %s", s.qty, o.CumExecQty)
		require.True(t, s.value.Equal(dec(t, o.CumExecValue)), "%s and %s", s.value, o.CumExecValue)
		require.False(t, dec(t, o.Qty).LessThan(s.qty))
	}
}

func requireLegs(t *testing.T, rows []exchangesim.LedgerRow, fills map[string]exchangesim.ExecutionRow, want int) {
	t.Helper()
	require.Len(t, rows, want)
	ids, shared := map[string]string{}, 0
	for _, row := range rows {
		f := fills[row.TradeID]
		require.Equal(t, [3]string{f.Symbol, f.OrderID, f.ExecTime}, [3]string{row.Symbol, row.OrderID, row.TransactionTime})
		require.True(t, dec(t, row.CashFlow).Sub(dec(t, row.Fee)).Equal(dec(t, row.Change)))
		if row.Currency == f.FeeCurrency {
			require.Equal(t, f.ExecFee, row.Fee)
		} else {
			require.Equal(t, "0", row.Fee)
		}
		if other, seen := ids[row.ID]; seen && other != row.TradeID {
			shared++
		}
		ids[row.ID] = row.TradeID
	}
	require.Positive(t, shared, "the id of a row is not its own")
}

func TestDenseHistoryHasExtremeNumbers(t *testing.T) {
	t.Parallel()
	s := dense(t, 40, 20, 0, "BTCUSDT")
	found := map[string]int{}
	for _, f := range exchangesimtest.Records[exchangesim.ExecutionRow](t, s, exchangesim.RecordQuery{UID: s.UID(0), Type: exchangesim.RecordFills}) {
		found["price "+f.ExecPrice]++
		found["qty "+f.ExecQty]++
		found["seq "+strconv.FormatInt(f.Seq, 10)]++
		if dec(t, f.ExecPrice).Exponent() == -18 {
			found["18 digits"]++
		}
	}
	for _, extreme := range []string{"price 0.000000012345", "qty 123456789012.5", "seq 9007199254740993", "18 digits"} {
		require.Positive(t, found[extreme], extreme)
	}
}

func TestDenseHistoryGoesOnAndIsOpenInBetween(t *testing.T) {
	t.Parallel()
	today := noon().Truncate(24 * time.Hour)
	s, clock := still(t, exchangesim.Config{History: exchangesim.History{Symbols: []string{"BTCUSDT"}, FillsPerDay: 1440, From: today}})
	c := s.Client(0)
	fills := func() int { return len(walk[exchangesim.ExecutionRow](t, c, fillsPath, "category=linear&limit=100")) }
	before := fills()
	open := 0
	for range 30 {
		clock.Advance(time.Minute)
		open += len(walk[exchangesim.OrderRow](t, c, openPath, "category=linear&symbol=BTCUSDT"))
	}
	require.Equal(t, before+30, fills(), "one a minute")
	require.Positive(t, open)
}

func TestVeryDenseHistoryIsCheap(t *testing.T) {
	t.Parallel()
	s := dense(t, 50_000, 365, 0, "BTCUSDT", "ETHUSDT")
	c := s.Client(0)
	from := noon().AddDate(0, 0, -200)
	query := fmt.Sprintf("category=linear&limit=100&startTime=%d&endTime=%d", from.UnixMilli(), from.AddDate(0, 0, 7).UnixMilli())
	cursor, seen := "", map[string]bool{}
	for range 20 {
		rows, next := exchangesimtest.List[exchangesim.ExecutionRow](t, c.Get(t, fillsPath, withCursor(query, cursor)))
		require.Len(t, rows, 100)
		for _, row := range rows {
			require.False(t, seen[row.ExecID])
			seen[row.ExecID] = true
		}
		cursor = next
	}
	records, err := s.Records(exchangesim.RecordQuery{UID: s.UID(0), Type: exchangesim.RecordFills})
	require.NoError(t, err)
	require.InDelta(t, 365.5*2*50_000, records.Total(), 10, "counted without being computed")
}

func TestRecordsEqualWhatIsServed(t *testing.T) {
	t.Parallel()
	for _, s := range []*exchangesimtest.Server{dense(t, 40, 6, 0, "BTCUSDT", "spot:ETHUSDT", "BTCUSD"), onlyServer(still(t, exchangesim.Config{IndexingDelay: -1, HistoryBy: "updated"}))} {
		c := s.Client(1)
		truth := func(kind exchangesim.RecordType, category string) []any {
			r, err := s.Records(exchangesim.RecordQuery{UID: s.UID(1), Type: kind, Category: category, From: noon().AddDate(0, 0, -7), Retained: true})
			require.NoError(t, err)
			require.Positive(t, r.Total())
			return r.Slice(0, r.Total())
		}
		for _, category := range []string{"linear", "spot", "inverse"} {
			rows := walk[exchangesim.ExecutionRow](t, c, fillsPath, "limit=100&category="+category)
			require.Equal(t, canonical(t, truth(exchangesim.RecordFills, category)), canonical(t, rows))
			orders := walk[exchangesim.OrderRow](t, c, historyPath, "limit=50&category="+category)
			require.Equal(t, canonical(t, truth(exchangesim.RecordOrders, category)), canonical(t, orders))
		}
		closed := walk[exchangesim.ClosedPnlRow](t, c, closedPath, "limit=100&category=linear")
		require.Equal(t, canonical(t, truth(exchangesim.RecordClosedPnl, "linear")), canonical(t, closed))
		week := fmt.Sprintf("accountType=UNIFIED&limit=50&startTime=%d&endTime=%d", noon().AddDate(0, 0, -7).UnixMilli(), noon().UnixMilli())
		rows := walk[exchangesim.LedgerRow](t, c, logPath, week)
		require.Equal(t, canonical(t, truth(exchangesim.RecordTransactions, "")), canonical(t, rows))
	}
}

func onlyServer(s *exchangesimtest.Server, _ *exchangesimtest.Clock) *exchangesimtest.Server {
	return s
}

func TestDenseHistoryKeepsItsOrders(t *testing.T) {
	t.Parallel()
	s := dense(t, 40, 3, 0, "BTCUSDT")
	orders := exchangesimtest.Records[exchangesim.OrderRow](t, s, exchangesim.RecordQuery{UID: s.UID(0), Type: exchangesim.RecordOrders})
	id := orders[0].OrderID
	_, err := s.ForgetOrder(s.UID(0), "linear", id)
	require.ErrorContains(t, err, "dense history")
	require.Equal(t, map[string]exchangesim.OrderRow{id: orders[0]}, history(t, s.Client(0), "category=linear&orderId="+id))
	require.NotEmpty(t, executions(t, s.Client(0), "category=linear&orderId="+id))
	_, _, err = s.PlaceOrder(s.UID(0), exchangesim.OrderSpec{Category: "linear", Symbol: "BTCUSDT", Side: "Buy", Price: "50000", Qty: "0.1"})
	require.NoError(t, err, "the admin may trade beside it")
	require.Len(t, walk[exchangesim.OrderRow](t, s.Client(0), openPath, "category=linear&settleCoin=USDT&orderFilter=Order"), 1)
}

func TestHistoryIsRefusedWithItsMistakes(t *testing.T) {
	t.Parallel()
	_, err := exchangesim.New(exchangesim.Config{Accounts: 1, History: exchangesim.History{
		Symbols: []string{"NOSUCH", "BTCUSDT", "linear:BTCUSDT"}, FillsPerDay: -1, Until: noon(),
	}})
	for _, part := range []string{"NOSUCH", "named twice", "fills per day", "before the epoch"} {
		require.ErrorContains(t, err, part)
	}
}

func TestDenseFundingIsCounted(t *testing.T) {
	t.Parallel()
	h := exchangesimtest.History(noon(), 10, 3, 40, "BTCUSDT", "spot:BTCUSDT")
	h.Funding = true
	s, _ := still(t, exchangesim.Config{History: h})
	kinds := map[string]int{}
	for _, f := range exchangesimtest.Records[exchangesim.ExecutionRow](t, s, exchangesim.RecordQuery{UID: s.UID(0), Type: exchangesim.RecordFills, Category: "linear"}) {
		kinds[f.ExecType]++
	}
	require.Equal(t, map[string]int{"Trade": 7 * 40, "Funding": 7 * 3}, kinds)
}

func TestDenseHistoryBeginsWithItsFirstDay(t *testing.T) {
	t.Parallel()
	s := dense(t, 40, 5, 2, "BTCUSDT")
	midnight := noon().Truncate(24 * time.Hour)
	for index := range 4 {
		orders := exchangesimtest.Records[exchangesim.OrderRow](t, s, exchangesim.RecordQuery{UID: s.UID(index), Type: exchangesim.RecordOrders})
		require.False(t, instant(t, orders[len(orders)-1].CreatedTime).Before(midnight.AddDate(0, 0, -5)))
		require.True(t, instant(t, orders[0].UpdatedTime).Before(midnight.AddDate(0, 0, -2)))
	}
}
