package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// SeriesKey names a candle series within its market.
type SeriesKey struct{ Category, Symbol, Interval string }

// SeriesExtent is how far the bars of a series are stored.
type SeriesExtent struct {
	Bars        int64
	First, Last *time.Time // beginnings of bars; nil: there is none
}

// CandleExtents reads how far each configured series of a market is stored.
func (l *Ledger) CandleExtents(ctx context.Context, marketID string) (map[SeriesKey]SeriesExtent, error) {
	const read = `
SELECT s.category, s.symbol, s.interval, c.bars, c.first, c.last
FROM alphapulse.candle_series s, LATERAL (
    SELECT count(*) AS bars, min(start_at) AS first, max(start_at) AS last FROM alphapulse.candles c
    WHERE c.market_id = s.market_id AND c.category = s.category AND c.symbol = s.symbol AND c.interval = s.interval) c
WHERE s.market_id = $1`
	rows, err := l.db.Query(ctx, read, marketID)
	if err != nil {
		return nil, notFound(err, "candles of market %s", marketID)
	}
	found := map[SeriesKey]SeriesExtent{}
	var key SeriesKey
	var extent SeriesExtent
	scan := []any{&key.Category, &key.Symbol, &key.Interval, &extent.Bars, &extent.First, &extent.Last}
	if _, err := pgx.ForEachRow(rows, scan, func() error { found[key] = extent; return nil }); err != nil {
		return nil, fmt.Errorf("reading how far candles are stored: %w", err)
	}
	return found, nil
}

// EnsureMarket gives the market of an exchange, environment and base URL, and
// makes it with its schedules if it is new.
func (l *Ledger) EnsureMarket(ctx context.Context, m Market) (Market, error) {
	err := l.db.InTx(ctx, "ensure market", func(ctx context.Context, tx pgx.Tx) (err error) {
		m.ID, err = ensureMarket(ctx, tx, m)
		return err
	})
	return m, err
}
