package worker

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// Candles are a history of each configured series (table candle_series), by the
// beginning of the bar. Columns by the positions of Bybit's kline rows: start_at,
// open, high, low, close, volume, turnover. Only final bars are stored: one that
// is still open is left for a later job. A final bar never changes.
func candlesTable() snapshot.Table {
	return snapshot.Table{
		Name: "candles", Subject: "market_id", Scope: "scope", NoHistory: true, Guard: snapshot.Never,
		Key: []snapshot.Column{
			{Name: "category", Type: "text"},
			{Name: "symbol", Type: "text"},
			{Name: "interval", Type: "text"},
			{Name: "start_at", Type: "timestamptz"},
		},
		Compared: []snapshot.Column{
			{Name: "open", Type: "numeric"},
			{Name: "high", Type: "numeric"},
			{Name: "low", Type: "numeric"},
			{Name: "close", Type: "numeric"},
			{Name: "volume", Type: "numeric"},
			{Name: "turnover", Type: "numeric"},
		},
		Times: []string{"start_at"},
	}
}

func candleValues(c exchange.Candle) []string {
	return []string{
		c.Category, c.Symbol, c.Interval, timeText(c.StartAt),
		string(c.Open), string(c.High), string(c.Low), string(c.Close), string(c.Volume), string(c.Turnover),
	}
}

type candlesReader struct{ past[exchange.Candle] }

func newCandlesReader() reader {
	return &candlesReader{past: newPast(candlesTable(), "", candleValues)}
}

// configuredSeries is a series with the time before which its bars are not asked
// for.
type configuredSeries struct {
	exchange.Series
	Since time.Time
}

func (r *candlesReader) read(ctx context.Context, a *attempt) reading {
	source, fault := serveMarket[exchange.CandleReader](a)
	if fault != nil {
		return reading{fault: fault}
	}
	list, err := a.candleSeries(ctx)
	if err != nil {
		return reading{fault: databaseFault("reading which candles are configured", err)}
	}
	known, err := a.histories(ctx, "")
	if err != nil {
		return reading{fault: databaseFault("reading how far the candles are stored", err)}
	}
	var got reading
	for _, c := range list {
		if !got.add(r.series(ctx, a, source, c, known), a.job.LastAttempt()) {
			break
		}
	}
	return got
}

// series reads what is missing of one series since its beginning.
func (r *candlesReader) series(
	ctx context.Context, a *attempt, source exchange.CandleReader, c configuredSeries, known map[string]knownHistory,
) part {
	history, fault := source.CandleHistory(c.Series)
	if fault != nil {
		return part{scope: string(c.Scope()), coverage: string(c.Scope()), history: true, fault: fault}
	}
	s := stretch{History: history}
	now := a.exchangeNow()
	if history.Depth > 0 {
		s.horizon = now.Add(-history.Depth)
	}
	// What is covered is not read again; a beginning that was moved back is.
	s.windows = subtract(s.reach(exchange.Window{From: c.Since, To: now}), known[string(c.Scope())].covered)
	return r.part(a, walkStretch(ctx, a, s, func(
		ctx context.Context, _ exchange.Scope, w exchange.Window,
	) exchange.Snapshot[exchange.Candle] {
		return source.Candles(ctx, c.Series, w)
	}))
}

func (a *attempt) candleSeries(ctx context.Context) ([]configuredSeries, error) {
	const query = `
SELECT category, symbol, interval, since FROM alphapulse.candle_series WHERE market_id = $1
ORDER BY category, symbol, interval`
	rows, err := a.db.Query(ctx, query, a.job.MarketID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (configuredSeries, error) {
		var c configuredSeries
		err := row.Scan(&c.Category, &c.Symbol, &c.Interval, &c.Since)
		return c, err
	})
}
