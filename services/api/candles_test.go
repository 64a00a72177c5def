package api_test

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestCandleSeriesAreAddedListedAndRemoved(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	byAccount := &controlv1.MarketChoice{Account: "main"}
	added, err := c.AddCandleSeries(t.Context(), &controlv1.AddCandleSeriesRequest{
		Market: byAccount, Category: "linear", Symbol: "BTCUSDT", Interval: "60",
	})
	require.NoError(t, err)
	require.Equal(t, "testnet", added.GetSeries().GetEnvironment())
	require.WithinDuration(t, time.Now().Add(-30*24*time.Hour), added.GetSeries().GetSince().AsTime(), 25*time.Hour)
	require.Nil(t, added.GetSeries().GetFirstBarAt())

	// A market of its own, which nobody has an account on.
	alone := &controlv1.MarketChoice{Exchange: "bybit", Environment: "mainnet"}
	_, err = c.AddCandleSeries(t.Context(), &controlv1.AddCandleSeriesRequest{
		Market: alone, Category: "spot", Symbol: "ETHUSDT", Interval: "D", Since: day(0),
	})
	require.NoError(t, err)
	s.Exec(t, `
INSERT INTO alphapulse.candles (market_id, category, symbol, interval, start_at, scope, run_id, as_of, observed_at)
SELECT $1, 'linear', 'BTCUSDT', '60', t, '', gen_random_uuid(), t, t
FROM unnest('{2026-01-05 00:00Z,2026-01-05 01:00Z}'::timestamptz[]) t`, account.MarketID)

	all, err := c.ListCandleSeries(t.Context(), &controlv1.ListCandleSeriesRequest{})
	require.NoError(t, err)
	require.Len(t, all.GetSeries(), 2)
	mine, err := c.ListCandleSeries(t.Context(), &controlv1.ListCandleSeriesRequest{Account: "main"})
	require.NoError(t, err)
	require.Len(t, mine.GetSeries(), 1)
	require.EqualValues(t, 2, mine.GetSeries()[0].GetBars())
	require.Equal(t, day(0).AsTime().Add(time.Hour), mine.GetSeries()[0].GetLastBarAt().AsTime())

	removed, err := c.RemoveCandleSeries(t.Context(), &controlv1.RemoveCandleSeriesRequest{
		Market: byAccount, Category: "linear", Symbol: "BTCUSDT", Interval: "60",
	})
	require.NoError(t, err)
	require.Equal(t, "BTCUSDT", removed.GetSeries().GetSymbol())
	_, err = c.RemoveCandleSeries(t.Context(), &controlv1.RemoveCandleSeriesRequest{
		Market: byAccount, Category: "linear", Symbol: "BTCUSDT", Interval: "60",
	})
	requireProblem(t, err, connect.CodeNotFound, "series_not_found")
}

func TestCandleSeriesRefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	for reason, change := range map[string]func(*controlv1.AddCandleSeriesRequest){
		"category": func(r *controlv1.AddCandleSeriesRequest) { r.Category = "option" },
		"symbol":   func(r *controlv1.AddCandleSeriesRequest) { r.Symbol = "btc/usdt" },
		"interval": func(r *controlv1.AddCandleSeriesRequest) { r.Interval = "7" },
	} {
		request := &controlv1.AddCandleSeriesRequest{
			Market: &controlv1.MarketChoice{Account: "main"}, Category: "spot", Symbol: "BTCUSDT", Interval: "60",
		}
		change(request)
		_, err := c.AddCandleSeries(t.Context(), request)
		requireProblem(t, err, connect.CodeInvalidArgument, reason)
	}
	_, err := c.RemoveCandleSeries(t.Context(), &controlv1.RemoveCandleSeriesRequest{
		Market:   &controlv1.MarketChoice{Exchange: "bybit", Environment: "mainnet"},
		Category: "spot", Symbol: "BTCUSDT", Interval: "60",
	})
	requireProblem(t, err, connect.CodeNotFound, "market_not_found")
}
