package worker

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// catalogLife is how long what a market lists is believed before the table is
// read again.
const catalogLife = time.Minute

// listing is what a market's instruments say that an adapter must know: linear
// contracts are asked for by settle coin, and options by base coin. Bases that are
// held count too: options are listed by base, so that a new one would never be
// found by its listing.
type listing struct {
	settleCoins, optionBases []string
	readAt                   time.Time
}

// catalog keeps the listings of the markets that this worker serves.
type catalog struct {
	db *postgres.DB

	mu       sync.Mutex
	listings map[string]listing // by market; as many as there are markets
}

func newCatalog(db *postgres.DB) *catalog {
	return &catalog{db: db, listings: map[string]listing{}}
}

// of gives a market's listing, empty before its instruments were read.
func (c *catalog) of(ctx context.Context, marketID string) (listing, error) {
	c.mu.Lock()
	known := c.listings[marketID]
	c.mu.Unlock()
	if time.Since(known.readAt) < catalogLife {
		return known, nil
	}
	fresh, err := c.read(ctx, marketID)
	if err != nil {
		return listing{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listings[marketID] = fresh
	return fresh, nil
}

func (c *catalog) read(ctx context.Context, marketID string) (listing, error) {
	const query = `
SELECT coalesce(array_agg(DISTINCT settle_asset ORDER BY settle_asset)
                FILTER (WHERE category = 'linear' AND settle_asset IS NOT NULL), '{}'),
       (SELECT coalesce(array_agg(DISTINCT base ORDER BY base), '{}') FROM (
            SELECT base_asset FROM alphapulse.instruments
            WHERE market_id = $1 AND category = 'option' AND base_asset IS NOT NULL
            UNION
            SELECT split_part(p.symbol, '-', 1)
            FROM alphapulse.positions p JOIN alphapulse.accounts a ON a.id = p.account_id
            WHERE a.market_id = $1 AND p.category = 'option') b (base))
FROM alphapulse.instruments WHERE market_id = $1`
	fresh := listing{readAt: time.Now()}
	rows, err := c.db.Query(ctx, query, marketID)
	if err != nil {
		return listing{}, err
	}
	_, err = pgx.ForEachRow(rows, []any{&fresh.settleCoins, &fresh.optionBases}, func() error { return nil })
	return fresh, err
}
