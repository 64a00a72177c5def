package exchangesim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

const klinePath = "/v5/market/kline"

func candles(t *testing.T, s *exchangesimtest.Server, query string) []exchangesim.CandleRow {
	t.Helper()
	rows, _ := exchangesimtest.List[exchangesim.CandleRow](t, s.Client(0).Get(t, klinePath, query))
	require.True(t, slices.IsSortedFunc(rows, func(a, b exchangesim.CandleRow) int {
		return instant(t, b[0]).Compare(instant(t, a[0]))
	}), "newest first")
	return rows
}

func TestCandlesStartOnTheirInterval(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	for interval, want := range map[string][2]string{
		"1":   {"2026-03-04T12:00:00Z", "2026-03-04T11:59:00Z"},
		"3":   {"2026-03-04T12:00:00Z", "2026-03-04T11:57:00Z"},
		"5":   {"2026-03-04T12:00:00Z", "2026-03-04T11:55:00Z"},
		"15":  {"2026-03-04T12:00:00Z", "2026-03-04T11:45:00Z"},
		"30":  {"2026-03-04T12:00:00Z", "2026-03-04T11:30:00Z"},
		"60":  {"2026-03-04T12:00:00Z", "2026-03-04T11:00:00Z"},
		"120": {"2026-03-04T12:00:00Z", "2026-03-04T10:00:00Z"},
		"240": {"2026-03-04T12:00:00Z", "2026-03-04T08:00:00Z"},
		"360": {"2026-03-04T12:00:00Z", "2026-03-04T06:00:00Z"},
		"720": {"2026-03-04T12:00:00Z", "2026-03-04T00:00:00Z"},
		"D":   {"2026-03-04T00:00:00Z", "2026-03-03T00:00:00Z"},
		"W":   {"2026-03-02T00:00:00Z", "2026-02-23T00:00:00Z"},
		"M":   {"2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z"},
	} {
		rows := candles(t, s, "category=linear&symbol=BTCUSDT&limit=2&interval="+interval)
		require.Len(t, rows, 2, interval)
		for i, row := range rows {
			require.Equal(t, want[i], instant(t, row[0]).Format(time.RFC3339), interval)
		}
	}
	require.Len(t, candles(t, s, "symbol=BTCUSDT&interval=1"), 200, "linear and 200 by default")
	require.Len(t, candles(t, s, "category=spot&symbol=BTCUSDT&interval=1&limit=1000"), 1000)
}

// TestFinalCandlesNeverChange looks at an open candle until it is final, and
// then again after a long time and after a restart.
func TestFinalCandlesNeverChange(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	const query = "category=linear&symbol=ETHUSDT&interval=5&limit=1"
	at := fmt.Sprintf("%s&start=%d", query, noon().UnixMilli())
	last := candles(t, s, at)[0]
	for range 10 {
		clock.Advance(29 * time.Second)
		row := candles(t, s, at)[0]
		require.Equal(t, last[:2], row[:2], "the open price stays")
		require.False(t, dec(t, row[2]).LessThan(dec(t, last[2])))
		require.False(t, dec(t, row[3]).GreaterThan(dec(t, last[3])))
		require.True(t, dec(t, row[5]).GreaterThan(dec(t, last[5])))
		last = row
	}
	clock.Advance(10 * time.Second)
	final := candles(t, s, at)[0]
	require.NotEqual(t, last, final)
	clock.Advance(400 * 24 * time.Hour)
	require.Equal(t, final, candles(t, s, at)[0])
	again, _ := still(t, exchangesim.Config{})
	truth, err := s.Candles("linear", "ETHUSDT", "5", noon(), noon())
	require.NoError(t, err)
	require.Equal(t, []exchangesim.CandleRow{final}, truth)
	none, err := again.Candles("linear", "ETHUSDT", "5", noon(), noon())
	require.NoError(t, err)
	require.Empty(t, none, "there it is still open")
}

// TestLongCandlesAreMadeOfShortOnes: day from hours, hour from minutes.
func TestLongCandlesAreMadeOfShortOnes(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	yesterday := noon().Add(-36 * time.Hour)
	for _, symbol := range [][2]string{{"linear", "BTCUSDT"}, {"spot", "SOLUSDT"}, {"inverse", "BTCUSDH26"}} {
		for _, pair := range [][3]string{{"D", "60", "24"}, {"60", "1", "60"}, {"240", "15", "16"}} {
			get := func(interval, from, to, limit string) []exchangesim.CandleRow {
				return candles(t, s, fmt.Sprintf("category=%s&symbol=%s&interval=%s&start=%s&end=%s&limit=%s", symbol[0], symbol[1], interval, from, to, limit))
			}
			long := get(pair[0], millis(yesterday), millis(yesterday), "1")
			require.Len(t, long, 1)
			next, err := strconv.Atoi(pair[2])
			require.NoError(t, err)
			step, err := strconv.Atoi(pair[1])
			require.NoError(t, err)
			end := instant(t, long[0][0]).Add(time.Duration(next*step)*time.Minute - time.Millisecond)
			parts := get(pair[1], long[0][0], millis(end), "1000")
			require.Len(t, parts, next)
			high, low, volume := dec(t, parts[0][2]), dec(t, parts[0][3]), decimal.Zero
			for _, part := range parts {
				high, low, volume = decimal.Max(high, dec(t, part[2])), decimal.Min(low, dec(t, part[3])), volume.Add(dec(t, part[5]))
			}
			require.Equal(t, long[0][1], parts[len(parts)-1][1], "open")
			require.True(t, high.Equal(dec(t, long[0][2])), "high")
			require.True(t, low.Equal(dec(t, long[0][3])), "low")
			require.Equal(t, long[0][4], parts[0][4], "close")
			require.True(t, volume.Equal(dec(t, long[0][5])), "volume")
		}
	}
}

func millis(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }

// TestTickersLieInTheirCandle: the last price of any instant is between low and
// high of the minute and the day that it falls into.
func TestTickersLieInTheirCandle(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	for range 60 {
		clock.Advance(977 * time.Second)
		for _, category := range []string{"linear", "inverse"} {
			rows, _ := exchangesimtest.List[exchangesim.ContractTicker](t, s.Client(0).Get(t, tickerPath, "category="+category))
			for _, row := range []exchangesim.ContractTicker{rows[0], rows[len(rows)-1]} {
				for _, interval := range []string{"1", "D"} {
					candle := candles(t, s, "limit=1&category="+category+"&symbol="+row.Symbol+"&interval="+interval)[0]
					last := dec(t, row.LastPrice)
					require.False(t, last.GreaterThan(dec(t, candle[2])) || last.LessThan(dec(t, candle[3])), "%s: %s in %v", row.Symbol, last, candle)
					require.Equal(t, row.LastPrice, candle[4], "the open candle closes where the ticker is")
				}
			}
		}
	}
}

func TestCandleWindows(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	get := func(query string) []string {
		var starts []string
		for _, row := range candles(t, s, "category=linear&symbol=BTCUSDT&interval=60&"+query) {
			starts = append(starts, instant(t, row[0]).Format("02 15:04"))
		}
		return starts
	}
	at := func(hours, minutes int) string {
		return millis(noon().Add(time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute))
	}
	require.Equal(t, []string{"04 12:00", "04 11:00", "04 10:00"}, get("limit=3"))
	require.Equal(t, []string{"04 10:00", "04 09:00"}, get("start="+at(-3, 30)+"&end="+at(-2, 0)), "start is floored, end is inclusive")
	require.Equal(t, []string{"04 10:00", "04 09:00"}, get("limit=2&end="+at(-1, -1)), "back from end")
	require.Equal(t, []string{"04 03:00", "04 02:00"}, get("limit=2&start="+at(-10, 0)), "on from start")
	require.Equal(t, []string{"04 11:00", "04 10:00"}, get("limit=2&start="+at(-10, 0)+"&end="+at(-1, 0)), "the newest of a span")
	require.Equal(t, []string{"04 12:00"}, get("limit=9&end="+at(50, 0)+"&start="+at(0, 59)), "none of the future")
	require.Empty(t, get("start="+at(1, 0)))
	first := candles(t, s, "category=linear&symbol=BTCUSDT&interval=D&start=1&limit=1")
	require.Equal(t, "2024-01-01T00:00:00Z", instant(t, first[0][0]).Format(time.RFC3339), "the earliest candle")
}

func TestCandlesBeginAndEndWithTheirInstrument(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	r := s.Client(0).Get(t, klinePath, "category=linear&symbol=BTCUSDT&interval=1&end=1000000000000")
	require.JSONEq(t, `{"category":"linear","symbol":"BTCUSDT","list":[]}`, string(r.Result), "before the listing")
	for _, never := range []string{"PRE2603USDT", "PRE2507USDT", "BTCUSDT-26JUN26"} {
		require.Empty(t, candles(t, s, "category=linear&interval=D&symbol="+never), never)
	}
	rows := candles(t, s, "category=linear&interval=60&limit=1000&start=1&symbol=BTCUSDT-26DEC25")
	require.Equal(t, "2025-09-26T08:00:00Z", instant(t, rows[len(rows)-1][0]).Format(time.RFC3339), "listed when the one before was delivered")
	rows = candles(t, s, "category=linear&interval=60&limit=1&symbol=BTCUSDT-26DEC25")
	require.Equal(t, "2025-12-26T07:00:00Z", instant(t, rows[0][0]).Format(time.RFC3339), "the last before delivery")
	closed, err := s.Candles("linear", "BTCUSDT-26DEC25", "D", noon().Add(-90*24*time.Hour), noon())
	require.NoError(t, err)
	require.Equal(t, "2025-12-26T00:00:00Z", instant(t, closed[len(closed)-1][0]).Format(time.RFC3339), "a day cut short is final")
}

// TestShortDays: the days on which a future is listed and delivered are as long
// as it traded on them.
func TestShortDays(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	delivery := time.Date(2026, 3, 27, 8, 0, 0, 0, time.UTC)
	day := delivery.Truncate(24 * time.Hour)
	get := func(interval string, from time.Time) []exchangesim.CandleRow {
		return candles(t, s, fmt.Sprintf("category=linear&symbol=BTCUSDT-27MAR26&interval=%s&start=%s&end=%s", interval, millis(from), millis(from.Add(24*time.Hour-1))))
	}
	clock.Advance(delivery.Sub(noon()) - time.Minute)
	open := get("D", day)[0]
	rows, err := s.Candles("linear", "BTCUSDT-27MAR26", "D", day, day)
	require.NoError(t, err)
	require.Empty(t, rows, "still open")
	clock.Advance(time.Minute)
	last := get("D", day)[0]
	require.NotEqual(t, open, last)
	clock.Advance(2 * time.Hour)
	require.Equal(t, last, get("D", day)[0], "nothing traded any more")
	rows, err = s.Candles("linear", "BTCUSDT-27MAR26", "D", day, day)
	require.NoError(t, err)
	require.Equal(t, []exchangesim.CandleRow{last}, rows, "final before its day ends")
	require.Len(t, get("60", day), 8)

	listed := time.Date(2025, 12, 26, 0, 0, 0, 0, time.UTC)
	hours, volume := get("60", listed), decimal.Zero
	require.Len(t, hours, 16)
	for _, row := range hours {
		volume = volume.Add(dec(t, row[5]))
	}
	first := get("D", listed)[0]
	require.Equal(t, hours[15][1], first[1])
	require.True(t, volume.Equal(dec(t, first[5])))
}

func TestCandleParameters(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	for _, bad := range []string{
		"interval=1", "symbol=BTCUSDT", "symbol=BTCUSDT&interval=2", "symbol=BTCUSDT&interval=d", "symbol=NOSUCH&interval=1",
		"category=option&symbol=BTCUSDT&interval=1", "category=spot&symbol=BTCPERP&interval=1", "symbol=BTCUSDT&interval=1&limit=1001",
		"symbol=BTCUSDT&interval=1&limit=0", "symbol=BTCUSDT&interval=1&start=x", "symbol=BTCUSDT&interval=1&start=2&end=1",
	} {
		require.Equal(t, 10001, s.Client(0).Get(t, klinePath, bad).RetCode, bad)
	}
	_, err := s.Candles("linear", "NOSUCH", "1", noon(), noon())
	require.ErrorContains(t, err, "no instrument")
	_, err = s.Candles("linear", "BTCUSDT", "2", noon(), noon())
	require.ErrorContains(t, err, "there are none")
}

func TestFaultsReachCandlesAndInstruments(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	for path, query := range map[string]string{klinePath: "symbol=BTCUSDT&interval=1&limit=3", instrumentsPath: "category=linear"} {
		for kind, want := range map[exchangesim.FaultKind]string{exchangesim.FaultBadRow: "not a number", exchangesim.FaultKeylessRow: ""} {
			id, err := s.SetFault(exchangesim.Fault{Endpoint: path, Kind: kind, Value: "1"})
			require.NoError(t, err)
			rows, _ := exchangesimtest.List[json.RawMessage](t, s.Client(0).Get(t, path, query))
			require.Contains(t, string(rows[1]), want)
			s.ClearFaults(id)
			clean, _ := exchangesimtest.List[json.RawMessage](t, s.Client(0).Get(t, path, query))
			require.NotEqual(t, string(clean[1]), string(rows[1]), "%s %s", path, kind)
		}
	}
}
