package bybit

import (
	"testing"
	"time"

	oracle "github.com/hirokisan/bybit/v2"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// rivals is our client, another's client with the same key, and a span in which
// both read. The other reads one page; every row of it is among ours and says
// the same.
type rivals struct {
	ours       *Client
	market     *Market
	theirs     oracle.V5ServiceI
	span       exchange.Window
	start, end int64
}

func standInRivals(t *testing.T) rivals {
	t.Helper()
	s, past := standIn(t)
	key, secret, _ := exchangesim.Credentials(7, inUnified2)
	market, err := NewMarket(Config{Target: standInTarget(s, ""), Hosts: hosts(t, wideBudget(t))})
	require.NoError(t, err)
	span := exchange.Window{From: past.To.Add(-6 * 24 * time.Hour), To: past.To}
	return rivals{
		ours: standInClient(t, s, inUnified2), market: market, theirs: oracle.NewClient().WithBaseURL(s.URL).WithAuth(key, secret).V5(),
		span: span, start: span.From.UnixMilli(), end: span.To.UnixMilli() - 1,
	}
}

func TestFillsReadAsByAnotherClient(t *testing.T) {
	t.Parallel()
	r := standInRivals(t)
	start, end := int(r.start), int(r.end)
	fills, err := r.theirs.Execution().GetExecutionList(oracle.V5GetExecutionParam{Category: oracle.CategoryV5Linear, StartTime: &start, EndTime: &end})
	require.NoError(t, err)
	require.NotEmpty(t, fills.Result.List)
	mine := r.ours.Fills(t.Context(), linear, r.span)
	for _, their := range fills.Result.List {
		fill := byKey(t, mine, "linear/"+their.ExecID)
		require.Equal(t, [5]string{their.ExecPrice, their.ExecQty, their.ExecFee, string(their.FeeCurrency), their.ExecTime},
			[5]string{string(fill.Price), string(fill.Quantity), string(fill.Fee), fill.FeeAsset, itoa(fill.ExecutedAt.UnixMilli())})
	}
}

func TestClosesReadAsByAnotherClient(t *testing.T) {
	t.Parallel()
	r := standInRivals(t)
	closed, err := r.theirs.Position().GetClosedPnL(oracle.V5GetClosedPnLParam{Category: oracle.CategoryV5Linear, StartTime: &r.start, EndTime: &r.end})
	require.NoError(t, err)
	require.NotEmpty(t, closed.Result.List)
	mine := map[string]exchange.ClosedPnL{}
	for _, row := range r.ours.ClosedPnL(t.Context(), linear, r.span).Rows {
		mine[row.OrderID+itoa(row.CreatedAt.UnixMilli())] = row
	}
	for _, their := range closed.Result.List {
		row := mine[their.OrderID+their.CreatedTime]
		require.Equal(t, [3]string{their.ClosedPnl, their.AvgEntryPrice, their.AvgExitPrice},
			[3]string{string(row.RealizedPnL), string(row.AverageEntryPrice), string(row.AverageExitPrice)})
	}
}

func TestWithdrawalsReadAsByAnotherClient(t *testing.T) {
	t.Parallel()
	r := standInRivals(t)
	r.span.From = r.span.To.Add(-29 * 24 * time.Hour)
	r.start = r.span.From.UnixMilli()
	all := oracle.WithdrawTypeV5(2)
	withdrawals, err := r.theirs.Asset().GetWithdrawalRecords(oracle.V5GetWithdrawalRecordsParam{WithdrawType: &all, StartTime: &r.start, EndTime: &r.end})
	require.NoError(t, err)
	require.NotEmpty(t, withdrawals.Result.Rows)
	mine := r.ours.LedgerEntries(t.Context(), withdrawalBook, r.span)
	for _, their := range withdrawals.Result.Rows {
		entry := byKey(t, mine, "withdrawal/"+their.WithdrawID)
		require.Equal(t, [3]string{"-" + their.Amount, their.WithdrawFee, string(their.Status)},
			[3]string{string(entry.Change), string(entry.Fee), entry.Status})
	}
}

func TestCandlesReadAsByAnotherClient(t *testing.T) {
	t.Parallel()
	r := standInRivals(t)
	bars, err := r.theirs.Market().GetKline(oracle.V5GetKlineParam{
		Category: oracle.CategoryV5Linear, Symbol: oracle.SymbolV5BTCUSDT, Interval: oracle.Interval60, Start: &r.start, End: &r.end,
	})
	require.NoError(t, err)
	mine := r.market.Candles(t.Context(), exchange.Series{Category: linear, Symbol: "BTCUSDT", Interval: "60"}, r.span)
	require.Len(t, mine.Rows, len(bars.Result.List))
	for i, their := range bars.Result.List {
		candle := mine.Rows[i]
		require.Equal(t, [3]string{their.StartTime, their.Close, their.Volume},
			[3]string{itoa(candle.StartAt.UnixMilli()), string(candle.Close), string(candle.Volume)})
	}
}

func byKey[T exchange.Keyed](t *testing.T, got exchange.Snapshot[T], key string) T {
	t.Helper()
	for _, row := range got.Rows {
		if row.Key() == key {
			return row
		}
	}
	require.Fail(t, "not among ours", key)
	panic("unreachable")
}
