package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Series is a symbol and interval whose final bars a market keeps.
type Series struct {
	Category  string
	Symbol    string
	Interval  string // as the exchange calls it: minutes, or D, W, M
	Since     time.Time
	CreatedAt time.Time
}

// AddCandleSeries configures a series of a market; bars before since are not
// asked for. The market's first series starts the schedule of its candles, and
// each is read at once. A series that exists is moved to the earlier of both
// beginnings.
func (l *Ledger) AddCandleSeries(
	ctx context.Context, marketID, category, symbol, interval string, since time.Time,
) error {
	if category == "" || symbol == "" || interval == "" || since.IsZero() {
		return errors.New("a candle series needs a category, a symbol, an interval and the time to begin at")
	}
	return l.db.InTx(ctx, "add candle series", func(ctx context.Context, tx pgx.Tx) error {
		if err := lockMarket(ctx, tx, marketID); err != nil {
			return err
		}
		const insert = `
INSERT INTO alphapulse.candle_series AS c (market_id, category, symbol, interval, since) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (market_id, category, symbol, interval) DO UPDATE SET since = least(c.since, excluded.since)`
		if _, err := tx.Exec(ctx, insert, marketID, category, symbol, interval, since); err != nil {
			return fmt.Errorf("adding candle series: %w", err)
		}
		err := addSchedule(ctx, tx, syncjob.Subject{Kind: syncjob.Market, ID: marketID}, syncjob.Candles)
		if err != nil {
			return err
		}
		const atOnce = `
UPDATE alphapulse.schedules SET next_at = least(next_at, clock_timestamp())
WHERE market_id = $1 AND data_type = 'candles'`
		if _, err := tx.Exec(ctx, atOnce, marketID); err != nil {
			return fmt.Errorf("scheduling the first reading: %w", err)
		}
		postgres.Hint(ctx, ChannelAccounts, marketID)
		return nil
	})
}

// CandleSeries lists the series of a market.
func (l *Ledger) CandleSeries(ctx context.Context, marketID string) ([]Series, error) {
	const read = `
SELECT category, symbol, interval, since, created_at FROM alphapulse.candle_series
WHERE market_id = $1 ORDER BY category, symbol, interval`
	rows, err := l.db.Query(ctx, read, marketID)
	if err != nil {
		return nil, notFound(err, "candle series of market %s", marketID)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Series])
	if err != nil {
		return nil, notFound(err, "candle series of market %s", marketID)
	}
	return found, nil
}

// RemoveCandleSeries stops a series; its bars stay. With the market's last one
// the schedule of its candles goes. ErrNotFound if there is no such series.
func (l *Ledger) RemoveCandleSeries(ctx context.Context, marketID, category, symbol, interval string) error {
	return l.db.InTx(ctx, "remove candle series", func(ctx context.Context, tx pgx.Tx) error {
		if err := lockMarket(ctx, tx, marketID); err != nil {
			return err
		}
		const remove = `
DELETE FROM alphapulse.candle_series WHERE market_id = $1 AND category = $2 AND symbol = $3 AND interval = $4`
		tag, err := tx.Exec(ctx, remove, marketID, category, symbol, interval)
		if err != nil {
			return fmt.Errorf("removing candle series: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return fmt.Errorf("candle series %s %s %s: %w", category, symbol, interval, ErrNotFound)
		}
		const stop = `
DELETE FROM alphapulse.schedules
WHERE market_id = $1 AND data_type = 'candles'
  AND NOT EXISTS (SELECT FROM alphapulse.candle_series WHERE market_id = $1)`
		_, err = tx.Exec(ctx, stop, marketID)
		return err
	})
}
