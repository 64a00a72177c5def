package exchangesim_test

import (
	"testing"
	"time"

	"github.com/hirokisan/bybit/v2"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func TestForeignClientReadsInstruments(t *testing.T) {
	t.Parallel()
	s := exchangesimtest.Start(t, exchangesim.Config{Seed: 9})
	client := bybit.NewClient().WithBaseURL(s.URL).V5().Market()
	trading := func(category string, ms int) []any {
		all, err := s.Instruments(category, time.UnixMilli(int64(ms)))
		require.NoError(t, err)
		return all
	}
	limit := 20
	page, err := client.GetInstrumentsInfo(bybit.V5GetInstrumentsInfoParam{Category: bybit.CategoryV5Linear, Limit: &limit})
	require.NoError(t, err)
	rows, want := page.Result.LinearInverse.List, trading("linear", page.Time)
	require.Len(t, rows, limit)
	next, err := client.GetInstrumentsInfo(bybit.V5GetInstrumentsInfoParam{Category: bybit.CategoryV5Linear, Limit: &limit, Cursor: &page.Result.LinearInverse.NextPageCursor})
	require.NoError(t, err)
	require.Empty(t, next.Result.LinearInverse.NextPageCursor)
	rows = append(rows, next.Result.LinearInverse.List...)
	require.Len(t, rows, 26)
	for i, row := range rows {
		w := want[i].(exchangesim.ContractInstrument)
		require.Equal(t, [6]string{w.Symbol, w.Status, w.SettleCoin, w.ContractType, w.PriceFilter.TickSize, w.LotSizeFilter.QtyStep},
			[6]string{string(row.Symbol), string(row.Status), string(row.SettleCoin), string(row.ContractType), row.PriceFilter.TickSize, row.LotSizeFilter.QtyStep})
	}
	pairs, err := client.GetInstrumentsInfo(bybit.V5GetInstrumentsInfoParam{Category: bybit.CategoryV5Spot})
	require.NoError(t, err)
	want = trading("spot", pairs.Time)
	require.Len(t, pairs.Result.Spot.List, len(want))
	require.Equal(t, want[3].(exchangesim.SpotInstrument).LotSizeFilter.BasePrecision, pairs.Result.Spot.List[3].LotSizeFilter.BasePrecision)
	eth := bybit.CoinETH
	options, err := client.GetInstrumentsInfo(bybit.V5GetInstrumentsInfoParam{Category: bybit.CategoryV5Option, BaseCoin: &eth})
	require.NoError(t, err)
	calls := 0
	for _, row := range options.Result.Option.List {
		require.Equal(t, "ETH", string(row.BaseCoin))
		if row.OptionsType == bybit.OptionsTypeCall {
			calls++
		}
	}
	require.Equal(t, len(options.Result.Option.List)/2, calls)
}

func TestForeignClientReadsCandles(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Seed: 9})
	client := bybit.NewClient().WithBaseURL(s.URL).V5().Market()
	from, to := noon().Add(-24*time.Hour), noon().Add(-time.Millisecond)
	start, end := from.UnixMilli(), to.UnixMilli()
	got, err := client.GetKline(bybit.V5GetKlineParam{
		Category: bybit.CategoryV5Inverse, Symbol: "ETHUSD", Interval: bybit.Interval60, Start: &start, End: &end,
	})
	require.NoError(t, err)
	want, err := s.Candles("inverse", "ETHUSD", "60", from, to)
	require.NoError(t, err)
	require.Len(t, want, 24)
	require.Len(t, got.Result.List, 24)
	for i, row := range got.Result.List {
		read := exchangesim.CandleRow{row.StartTime, row.Open, row.High, row.Low, row.Close, row.Volume, row.Turnover}
		require.Equal(t, want[23-i], read)
	}
}
