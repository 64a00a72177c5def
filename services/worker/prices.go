package worker

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// Prices are a snapshot of all tickers of a category, once per market. Columns
// by field of Bybit's tickers: last lastPrice, bid bid1Price, ask ask1Price,
// mark markPrice, index indexPrice (spot has neither), volume_24h volume24h,
// funding_rate fundingRate. A symbol that is absent from a complete walk is no
// longer listed.
func pricesTable() snapshot.Table {
	return snapshot.Table{
		Name: "prices", Subject: "market_id", Scope: "scope", NoHistory: true,
		Key: []snapshot.Column{{Name: "category", Type: "text"}, {Name: "symbol", Type: "text"}},
		Compared: []snapshot.Column{
			{Name: "last", Type: "numeric"},
			{Name: "bid", Type: "numeric"},
			{Name: "ask", Type: "numeric"},
			{Name: "mark", Type: "numeric"},
			{Name: "index", Type: "numeric"},
			{Name: "volume_24h", Type: "numeric"},
			{Name: "funding_rate", Type: "numeric"},
		},
	}
}

func priceValues(p exchange.Price) []string {
	return []string{
		p.Category, p.Symbol, string(p.Last), string(p.Bid), string(p.Ask), string(p.Mark), string(p.Index),
		string(p.Volume24h), string(p.FundingRate),
	}
}

type pricesReader struct {
	writer  *snapshot.Writer
	symbols []string // configured, as "spot/BTCUSDT"
}

func newPricesReader(symbols []string) reader {
	if symbols == nil {
		symbols = []string{}
	}
	return &pricesReader{writer: snapshot.NewWriter(pricesTable()), symbols: symbols}
}

func (r *pricesReader) read(ctx context.Context, a *attempt) reading {
	source := a.market
	var got reading
	for _, scope := range source.PriceScopes() {
		p := readScope(ctx, a, r.writer, scope, source.Prices, priceValues)
		p.queue = func(batch *pgx.Batch, stamp snapshot.Stamp, _ *snapshot.Tally) { r.sample(batch, stamp) }
		if !got.add(p, a.job.LastAttempt()) {
			break
		}
	}
	return got
}

// samplePrices finds the prices of a scope that have a minute's history due:
// of symbols that an account of the market holds (as the base of a spot pair
// against USDT), has a position or an open order in, or that are configured.
const samplePrices = `
WITH wanted AS MATERIALIZED (
    SELECT split_part(c, '/', 1) AS category, split_part(c, '/', 2) AS symbol FROM unnest($5::text[]) AS c
    UNION
    SELECT s.category, s.symbol FROM alphapulse.positions s
    JOIN alphapulse.accounts a ON a.id = s.account_id WHERE a.market_id = $1
    UNION
    SELECT o.category, o.symbol FROM alphapulse.orders o
    JOIN alphapulse.accounts a ON a.id = o.account_id
    WHERE a.market_id = $1 AND o.status IN ('untriggered', 'open', 'partially_filled', 'unknown')
    UNION
    SELECT 'spot', b.asset || 'USDT' FROM alphapulse.balances b
    JOIN alphapulse.accounts a ON a.id = b.account_id WHERE a.market_id = $1),
due AS (
    SELECT p.* FROM alphapulse.prices p JOIN wanted w ON w.category = p.category AND w.symbol = p.symbol
    WHERE p.market_id = $1 AND p.scope = $2
      AND NOT EXISTS (SELECT FROM alphapulse.prices_history h
                      WHERE h.market_id = p.market_id AND h.category = p.category AND h.symbol = p.symbol
                        AND h.valid_from > $4::timestamptz - interval '1 minute'))`

// sample queues the minute's history. What is no longer sampled or listed keeps
// its last row open until the next one.
func (r *pricesReader) sample(batch *pgx.Batch, s snapshot.Stamp) {
	args := []any{s.SubjectID, s.Scope, s.RunID, s.AsOf, r.symbols}
	batch.Queue(samplePrices+`
UPDATE alphapulse.prices_history h SET valid_to = $4
FROM due WHERE h.market_id = due.market_id AND h.category = due.category AND h.symbol = due.symbol
  AND h.valid_to IS NULL AND $3::uuid IS NOT NULL AND h.valid_from <= $4::timestamptz - interval '1 minute'`, args...)
	batch.Queue(samplePrices+`
INSERT INTO alphapulse.prices_history (market_id, category, symbol, last, bid, ask, mark, index, volume_24h,
                                       funding_rate, scope, run_id, valid_from)
SELECT market_id, category, symbol, last, bid, ask, mark, index, volume_24h, funding_rate, scope, $3, $4
FROM due`, args...)
}
