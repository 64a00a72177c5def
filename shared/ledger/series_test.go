package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestCandlesAreReadWhileASeriesIsConfigured(t *testing.T) {
	t.Parallel()
	b := setup(t)
	market := b.active("main").MarketID
	scheduled := func() int {
		return b.count(`SELECT count(*) FROM alphapulse.schedules WHERE market_id = $1 AND data_type = 'candles'`, market)
	}
	add := func(symbol string, since int) {
		require.NoError(t, b.AddCandleSeries(t.Context(), market, "linear", symbol, "60", day(since)))
	}
	require.Zero(t, scheduled())
	add("BTCUSDT", 7)
	add("ETHUSDT", 7)
	add("BTCUSDT", 0)
	add("BTCUSDT", 14)
	series, err := b.CandleSeries(t.Context(), market)
	require.NoError(t, err)
	require.Len(t, series, 2)
	require.Equal(t, "BTCUSDT", series[0].Symbol)
	require.Equal(t, day(0), series[0].Since.UTC(), "the earlier beginning")
	require.Equal(t, 1, scheduled())
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.schedules WHERE data_type = 'candles' AND next_at <= clock_timestamp()`),
		"a new series is read at once")
	b.makeDue("0")
	planned, err := b.PlanDue(t.Context(), syncjob.Market, 10)
	require.NoError(t, err)
	require.Equal(t, 3, planned.Jobs, "prices, instruments and candles")

	remove := func(symbol string) error {
		return b.RemoveCandleSeries(t.Context(), market, "linear", symbol, "60")
	}
	require.NoError(t, remove("BTCUSDT"))
	require.Equal(t, 1, scheduled())
	require.ErrorIs(t, remove("BTCUSDT"), ErrNotFound)
	require.NoError(t, remove("ETHUSDT"))
	require.Zero(t, scheduled())
	require.ErrorIs(t, b.AddCandleSeries(t.Context(), "nowhere", "linear", "BTCUSDT", "60", day(0)), ErrNotFound)
	require.ErrorContains(t, b.AddCandleSeries(t.Context(), market, "linear", "", "60", day(0)), "needs a category")
}
