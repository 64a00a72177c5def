package data

import (
	"context"

	"github.com/jackc/pgx/v5"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// Balances reads balances, of one wallet if it is named.
func (r Reader) Balances(ctx context.Context, wallet string) ([]*controlv1.Balance, error) {
	from, args := r.from("balances")
	sql := `
SELECT wallet, asset, total::text, available::text, locked::text, borrowed::text, equity::text, usd_value::text, as_of
FROM ` + from + ` WHERE $3 = '' OR wallet = $3 ORDER BY wallet, asset`
	return collect(ctx, r.DB, "balances", sql, append(args, wallet), func(row pgx.CollectableRow, b *controlv1.Balance) error {
		return row.Scan(&b.Wallet, &b.Asset, &b.Total, &b.Available, &b.Locked, &b.Borrowed, &b.Equity, &b.UsdValue,
			moment{&b.AsOf})
	})
}

// Positions reads positions; what a filter leaves empty matches everything.
func (r Reader) Positions(ctx context.Context, category, symbol string) ([]*controlv1.Position, error) {
	from, args := r.from("positions")
	sql := `
SELECT category, symbol, position_idx, side, size::text, entry_price::text, mark_price::text, leverage::text,
       liquidation_price::text, unrealized_pnl::text, realized_pnl::text, initial_margin::text,
       maintenance_margin::text, settle_asset, as_of
FROM ` + from + ` WHERE ($3 = '' OR category = $3) AND ($4 = '' OR symbol = $4) ORDER BY category, symbol, position_idx`
	return collect(ctx, r.DB, "positions", sql, append(args, category, symbol),
		func(row pgx.CollectableRow, p *controlv1.Position) error {
			return row.Scan(&p.Category, &p.Symbol, &p.PositionIdx, &p.Side, &p.Size, &p.EntryPrice, &p.MarkPrice, &p.Leverage,
				&p.LiquidationPrice, &p.UnrealizedPnl, &p.RealizedPnl, &p.InitialMargin, &p.MaintenanceMargin, &p.SettleAsset,
				moment{&p.AsOf})
		})
}

// Prices reads the prices of a market; of the past, those that were kept.
func (r Reader) Prices(ctx context.Context, marketID, category string, symbols []string) ([]*controlv1.Price, error) {
	const now = `
SELECT category, symbol, last::text, bid::text, ask::text, mark::text, index::text, volume_24h::text,
       funding_rate::text, as_of
FROM alphapulse.prices
WHERE market_id = $1 AND $2::timestamptz IS NULL AND ($3 = '' OR category = $3)
  AND (cardinality($4::text[]) = 0 OR symbol = ANY ($4)) ORDER BY category, symbol`
	const then = `
SELECT category, symbol, last::text, bid::text, ask::text, mark::text, index::text, volume_24h::text,
       funding_rate::text, valid_from
FROM alphapulse.prices_history
WHERE market_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) AND ($3 = '' OR category = $3)
  AND (cardinality($4::text[]) = 0 OR symbol = ANY ($4)) ORDER BY category, symbol`
	sql, at := now, any(nil)
	if !r.At.IsZero() {
		sql, at = then, r.At
	}
	if symbols == nil {
		symbols = []string{}
	}
	return collect(ctx, r.DB, "prices", sql, []any{marketID, at, category, symbols},
		func(row pgx.CollectableRow, p *controlv1.Price) error {
			return row.Scan(&p.Category, &p.Symbol, &p.Last, &p.Bid, &p.Ask, &p.Mark, &p.Index, &p.Volume_24H, &p.FundingRate,
				moment{&p.AsOf})
		})
}
