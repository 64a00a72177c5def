package bybit

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// candlePage is the most bars the exchange gives in an answer, of which there is
// one only: what is beyond it is not paged but cut off.
const candlePage = 1000

// CandleHistory is the limits of a series. Its lag is the length of a bar: so
// long is a bar missing after it began. How far back a series goes depends on
// when its symbol was listed, and the exchange answers for any time before with
// no bars.
func (m *Market) CandleHistory(series exchange.Series) (exchange.History, *exchange.Error) {
	length, fault := intervalOf(series)
	if fault != nil {
		return exchange.History{}, fault
	}
	return exchange.History{Scope: series.Scope(), Window: length.window(candlePage), Lag: length.length}, nil
}

func intervalOf(series exchange.Series) (interval, *exchange.Error) {
	switch series.Category {
	case spot, linear, inverse:
	default:
		return interval{}, &exchange.Error{
			Class:   exchange.Unsupported,
			Message: "candles: Bybit has them for spot, linear and inverse, not for " + strconv.Quote(series.Category),
		}
	}
	if series.Symbol == "" {
		return interval{}, &exchange.Error{Class: exchange.BadRequest, Message: "candles: a symbol is needed, and none was given"}
	}
	length, known := parseInterval(series.Interval)
	if !known {
		return interval{}, noSuchInterval(series.Interval)
	}
	return length, nil
}

// Candles reads the bars that begin within the window and are final by the
// exchange's clock.
func (m *Market) Candles(ctx context.Context, series exchange.Series, window exchange.Window) exchange.Snapshot[exchange.Candle] {
	w := newWalk[exchange.Candle](m.session, nil)
	length, fault := intervalOf(series)
	if fault == nil {
		fault = checkWindow(window, length.window(candlePage))
	}
	if fault == nil {
		bars := bars{session: m.session, series: series, interval: length, window: window, now: func() time.Time { return w.at }}
		fault = w.run(ctx, kline, m.session.pages(kline, candleQuery(series, window)), bars.candle)
	}
	return w.snapshot(series.Scope(), fault)
}

// candleQuery: the exchange takes start back to the beginning of the bar that
// it lies in.
func candleQuery(series exchange.Series, window exchange.Window) url.Values {
	return url.Values{
		"category": {series.Category},
		"symbol":   {series.Symbol},
		"interval": {series.Interval},
		"start":    {strconv.FormatInt(window.From.UnixMilli(), 10)},
		"end":      {strconv.FormatInt(lastInstant(window).UnixMilli(), 10)},
		"limit":    {strconv.Itoa(candlePage)},
	}
}

// bars reads the rows of one series.
type bars struct {
	session  *session
	series   exchange.Series
	interval interval
	window   exchange.Window
	now      func() time.Time
}

// candle reads a row of seven values: start, open, high, low, close, volume,
// turnover. Volume is in the base coin, for inverse in USD, and turnover in the
// other. A bar that is not final, or begins outside the window, is none of ours.
func (b bars) candle(raw json.RawMessage) (*exchange.Candle, *exchange.RowFault) {
	var fields values
	if err := fields.UnmarshalJSON(raw); err != nil || len(fields) == 0 {
		return nil, b.session.rowFault(raw, "", "the row is not a list of values")
	}
	var start millis
	if err := start.UnmarshalJSON(fields[0]); err != nil || start.at.IsZero() {
		return nil, b.session.rowFault(raw, "", "the row does not begin with a time")
	}
	candle := exchange.Candle{Series: b.series, StartAt: start.at}
	if !b.wants(start.at) {
		return nil, nil
	}
	if len(fields) < 5 {
		return nil, b.session.rowFault(raw, candle.Key(), "the row has fewer than four prices")
	}
	for i, number := range candleNumbers(&candle) {
		if i+1 >= len(fields) {
			break
		}
		var value amount
		if err := value.UnmarshalJSON(fields[i+1]); err != nil {
			return nil, b.session.rowFault(raw, candle.Key(), "value "+strconv.Itoa(i+2)+": "+b.session.misfit(err, ""))
		}
		*number = value.number()
	}
	return &candle, nil
}

// candleNumbers in the order of the row.
func candleNumbers(c *exchange.Candle) []*exchange.Number {
	return []*exchange.Number{&c.Open, &c.High, &c.Low, &c.Close, &c.Volume, &c.Turnover}
}

func (b bars) wants(start time.Time) bool {
	inside := b.window.To.IsZero() || !start.Before(b.window.From) && start.Before(b.window.To)
	return inside && !b.interval.end(start).After(b.now())
}

// parseSeries reads the scope of a series, "spot/BTCUSDT/60".
func parseSeries(scope exchange.Scope) (exchange.Series, bool) {
	parts := strings.Split(string(scope), "/")
	if len(parts) != 3 {
		return exchange.Series{}, false
	}
	return exchange.Series{Category: parts[0], Symbol: parts[1], Interval: parts[2]}, true
}
