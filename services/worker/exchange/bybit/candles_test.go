package bybit

import (
	"fmt"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func series(interval string) exchange.Series {
	return exchange.Series{Category: linear, Symbol: "BTCUSDT", Interval: interval}
}

// candlesAt has the exchange answer at a time with bars that begin at these.
func candlesAt(t *testing.T, now time.Time, interval string, window exchange.Window, starts ...time.Time) exchange.Snapshot[exchange.Candle] {
	t.Helper()
	rows := ""
	for i, start := range starts {
		if i > 0 {
			rows += ","
		}
		rows += fmt.Sprintf(`["%d","1","3","0.5","2","10","20"]`, start.UnixMilli())
	}
	stand := newStand(t)
	stand.on(kline, always([]byte(fmt.Sprintf(`{"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[%s]},"time":%d}`, rows, now.UnixMilli()))))
	got := stand.market(t).Candles(t.Context(), series(interval), window)
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	require.Empty(t, got.Faults)
	return got
}

func starts(candles []exchange.Candle) []time.Time {
	var starts []time.Time
	for _, c := range candles {
		starts = append(starts, c.StartAt)
	}
	return starts
}

func TestCandleColumns(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(kline, always(fixture(t, "edge/kline.linear.open-candle.json")))
	window := exchange.Window{From: fixtureTime.Add(-2 * time.Hour), To: fixtureTime.Add(time.Hour)}
	got := stand.market(t).Candles(t.Context(), series("60"), window)
	require.Nil(t, got.Err)
	require.Equal(t, exchange.Scope("linear/BTCUSDT/60"), got.Scope)
	require.Equal(t, []exchange.Candle{
		{Series: series("60"), StartAt: fixtureTime.Add(-time.Hour), Open: "119500", High: "120010", Low: "119400", Close: "120000", Volume: "345.678", Turnover: "41400000.1"},
		{Series: series("60"), StartAt: fixtureTime.Add(-2 * time.Hour), Open: "119000", High: "119600", Low: "118900", Close: "119500", Volume: "0", Turnover: "0"},
	}, got.Rows, "the bar that begins at the exchange's now is open")
	q := stand.asked(kline)[0].URL.Query()
	require.Equal(t, "linear BTCUSDT 60 1000", q.Get("category")+" "+q.Get("symbol")+" "+q.Get("interval")+" "+q.Get("limit"))
	require.Equal(t, itoa(window.From.UnixMilli()), q.Get("start"))
	require.Equal(t, itoa(window.To.UnixMilli()-1), q.Get("end"))
	require.Empty(t, stand.asked(kline)[0].Header.Get("X-BAPI-API-KEY"))
}

func TestBarsAreFinalByTheExchangesClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	ends := map[string]time.Time{
		"1": start.Add(time.Minute), "720": start.Add(12 * time.Hour), "D": start.AddDate(0, 0, 1),
		"W": start.AddDate(0, 0, 7), "M": time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	}
	for name, end := range ends {
		window := exchange.Window{From: start, To: start.Add(time.Minute)}
		require.Len(t, candlesAt(t, end, name, window, start).Rows, 1, name)
		require.Empty(t, candlesAt(t, end.Add(-time.Millisecond), name, window, start).Rows, name)
	}
}

func TestBarsThatBeginOutsideTheWindowAreNotTaken(t *testing.T) {
	t.Parallel()
	from := fixtureTime.Add(-90 * time.Minute)
	window := exchange.Window{From: from, To: fixtureTime}
	got := candlesAt(t, fixtureTime.Add(24*time.Hour), "60", window, fixtureTime, fixtureTime.Add(-time.Hour), fixtureTime.Add(-2*time.Hour))
	require.Equal(t, []time.Time{fixtureTime.Add(-time.Hour)}, starts(got.Rows), "the exchange takes start back to the bar it lies in")
}

func TestCandleHistories(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	market := stand.market(t)
	minute := time.Minute
	for name, want := range map[string]time.Duration{"1": minute, "3": 3 * minute, "5": 5 * minute, "15": 15 * minute, "30": 30 * minute, "60": 60 * minute, "120": 120 * minute, "240": 240 * minute, "360": 360 * minute, "720": 720 * minute, "D": 1440 * minute, "W": 7 * 1440 * minute} {
		h, fault := market.CandleHistory(series(name))
		require.Nil(t, fault)
		require.Equal(t, exchange.History{Scope: exchange.Scope("linear/BTCUSDT/" + name), Window: 1000 * want, Lag: want}, h)
	}
	month, fault := market.CandleHistory(series("M"))
	require.Nil(t, fault)
	from := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	require.False(t, from.Add(month.Window).After(from.AddDate(0, 1000, 0)), "no window holds more than a thousand months")
	for _, wrong := range []exchange.Series{series(""), series("2"), series("1m"), series("d"), {Category: linear, Interval: "1"}} {
		_, fault := market.CandleHistory(wrong)
		require.Equal(t, exchange.BadRequest, fault.Class)
	}
	_, fault = market.CandleHistory(exchange.Series{Category: option, Symbol: "X", Interval: "1"})
	require.Equal(t, exchange.Unsupported, fault.Class)
	got := market.Candles(t.Context(), series("1"), exchange.Window{From: fixtureTime, To: fixtureTime.Add(1001 * minute)})
	require.Equal(t, exchange.BadRequest, got.Err.Class)
	require.Empty(t, stand.asked(kline))
}

func TestBarsThatCannotBeReadAreFaults(t *testing.T) {
	t.Parallel()
	at := itoa(fixtureTime.Add(-time.Hour).UnixMilli())
	stand := newStand(t)
	stand.on(kline, always(list("", `["`+at+`","1","2","x","2","1","1"]`, `["`+at+`","1","2"]`, `["soon","1","2","1","2"]`, `[]`, `{}`, `["`+itoa(fixtureTime.UnixMilli())+`","x"]`)))
	got := stand.market(t).Candles(t.Context(), series("60"), exchange.Window{From: fixtureTime.Add(-24 * time.Hour), To: fixtureTime.Add(time.Hour)})
	require.Empty(t, got.Rows)
	require.Len(t, got.Faults, 5, "what is wrong with the open bar may mend")
	require.Equal(t, "linear/BTCUSDT/60/2025-12-31T23:00:00Z", got.Faults[0].Key)
	require.Contains(t, got.Faults[0].Reason, "value 4")
	require.Equal(t, got.Faults[0].Key, got.Faults[1].Key)
	require.Empty(t, got.Faults[2].Key)
}
