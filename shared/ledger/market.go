package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Market is where prices come from.
type Market struct {
	ID          string
	Exchange    string
	Environment string
	BaseURL     string
	Stretch     float64
}

// ensureMarket gives the market of an exchange, environment and base URL, and
// makes it with its schedules if it is new.
func ensureMarket(ctx context.Context, tx pgx.Tx, m Market) (string, error) {
	const insert = `
INSERT INTO alphapulse.markets (exchange, environment, base_url) VALUES ($1, $2, $3)
ON CONFLICT (exchange, environment, base_url) DO NOTHING`
	if _, err := tx.Exec(ctx, insert, m.Exchange, m.Environment, m.BaseURL); err != nil {
		return "", fmt.Errorf("adding market: %w", err)
	}
	const find = `SELECT id FROM alphapulse.markets WHERE exchange = $1 AND environment = $2 AND base_url = $3`
	var id string
	if err := tx.QueryRow(ctx, find, m.Exchange, m.Environment, m.BaseURL).Scan(&id); err != nil {
		return "", fmt.Errorf("finding market: %w", err)
	}
	for _, t := range syncjob.Known() {
		if !t.Shared() || t == syncjob.Candles { // candles are planned once a series is configured
			continue
		}
		if err := addSchedule(ctx, tx, syncjob.Subject{Kind: syncjob.Market, ID: id}, t); err != nil {
			return "", err
		}
	}
	return id, nil
}

// Markets lists all markets.
func (l *Ledger) Markets(ctx context.Context) ([]Market, error) {
	const query = `
SELECT id, exchange, environment, base_url, stretch::double precision
FROM alphapulse.markets ORDER BY exchange, environment, base_url`
	rows, err := l.db.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("listing markets: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Market])
}

// MoveMarket gives a market a new base URL. It is for a stand-in exchange that
// came up on another port: the same market at another address. If the address
// already belongs to another market, nothing changes.
func (l *Ledger) MoveMarket(ctx context.Context, id, baseURL string) error {
	_, err := l.db.Exec(ctx, `UPDATE alphapulse.markets SET base_url = $2 WHERE id = $1 AND base_url <> $2`, id, baseURL)
	if err != nil {
		return fmt.Errorf("moving market %s to %s: %w", id, baseURL, err)
	}
	return nil
}

// PauseMarket records that the exchange announced maintenance: until then no
// job of the market is planned or claimed.
func (l *Ledger) PauseMarket(ctx context.Context, marketID string, d time.Duration, by string) error {
	const upsert = `
INSERT INTO alphapulse.pauses (market_id, reason, created_by, until)
VALUES ($1, 'maintenance', $2, clock_timestamp() + $3)
ON CONFLICT (market_id) WHERE reason = 'maintenance'
DO UPDATE SET until = greatest(pauses.until, excluded.until), created_by = excluded.created_by`
	if _, err := l.db.Exec(ctx, upsert, marketID, by, d); err != nil {
		return fmt.Errorf("pausing market %s: %w", marketID, err)
	}
	return nil
}

// SeeEgress records that workers call the market from this address, and gives
// the time until which the exchange refuses it; zero if it does not.
func (l *Ledger) SeeEgress(ctx context.Context, egress, marketID string) (time.Duration, error) {
	const upsert = `
INSERT INTO alphapulse.egresses AS e (egress, market_id) VALUES ($1, $2)
ON CONFLICT (egress, market_id) DO UPDATE SET seen_at = clock_timestamp()
RETURNING greatest(e.banned_until - clock_timestamp(), interval '0')`
	var left *time.Duration
	if err := l.db.QueryRow(ctx, upsert, egress, marketID).Scan(&left); err != nil {
		return 0, fmt.Errorf("recording egress %s: %w", egress, err)
	}
	if left == nil {
		return 0, nil
	}
	return *left, nil
}

// BanEgress records that the exchange refuses this address for d. A ban is never
// shortened.
func (l *Ledger) BanEgress(ctx context.Context, egress, marketID, reason string, d time.Duration) error {
	const upsert = `
INSERT INTO alphapulse.egresses AS e (egress, market_id, banned_until, reason)
VALUES ($1, $2, clock_timestamp() + $3, $4)
ON CONFLICT (egress, market_id) DO UPDATE
SET banned_until = greatest(e.banned_until, excluded.banned_until), reason = excluded.reason`
	if _, err := l.db.Exec(ctx, upsert, egress, marketID, d, reason); err != nil {
		return fmt.Errorf("recording ban of egress %s: %w", egress, err)
	}
	return nil
}

// Ban is an address that an exchange refuses.
type Ban struct {
	Egress   string
	MarketID string
	Until    time.Time
	Reason   string
}

// Bans lists the bans in force.
func (l *Ledger) Bans(ctx context.Context) ([]Ban, error) {
	const query = `
SELECT egress, market_id, banned_until, reason FROM alphapulse.egresses
WHERE banned_until > clock_timestamp() ORDER BY egress, market_id`
	rows, err := l.db.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("listing bans: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Ban])
}
