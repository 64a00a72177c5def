package worker

import (
	"context"
	"strconv"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// Positions are a snapshot of each category and settle coin. Columns by field
// of Bybit's position/list:
//
//	category            the category asked for
//	symbol              symbol
//	position_idx        positionIdx: 0 one-way, 1 and 2 the legs of hedge mode
//	side                side: Buy is long, Sell is short
//	size                size
//	entry_price         avgPrice
//	leverage            leverage ("" in portfolio margin: NULL)
//	liquidation_price   liqPrice
//	realized_pnl        curRealisedPnl
//	settle_asset        from the settle coin asked for, or the symbol
//	mark_price          markPrice      follows the market
//	unrealized_pnl      unrealisedPnl  follows the market
//	initial_margin      positionIM     follows the market
//	maintenance_margin  positionMM     follows the market
//
// A position that is absent from a complete walk is closed; a row of size 0 is
// none.
func positionsTable() snapshot.Table {
	return snapshot.Table{
		Name: "positions", Subject: "account_id", Scope: "scope",
		Key: []snapshot.Column{
			{Name: "category", Type: "text"}, {Name: "symbol", Type: "text"}, {Name: "position_idx", Type: "integer"},
		},
		Compared: []snapshot.Column{
			{Name: "side", Type: "text"},
			{Name: "size", Type: "numeric"},
			{Name: "entry_price", Type: "numeric"},
			{Name: "leverage", Type: "numeric"},
			{Name: "liquidation_price", Type: "numeric"},
			{Name: "realized_pnl", Type: "numeric"},
			{Name: "settle_asset", Type: "text"},
		},
		Market: []snapshot.Column{
			{Name: "mark_price", Type: "numeric"},
			{Name: "unrealized_pnl", Type: "numeric"},
			{Name: "initial_margin", Type: "numeric"},
			{Name: "maintenance_margin", Type: "numeric"},
		},
	}
}

func positionValues(p exchange.Position) []string {
	return []string{
		p.Category, p.Symbol, strconv.Itoa(p.PositionIdx), p.Side, string(p.Size), string(p.EntryPrice),
		string(p.Leverage), string(p.LiquidationPrice), string(p.RealizedPnL), p.SettleAsset,
		string(p.MarkPrice), string(p.UnrealizedPnL), string(p.InitialMargin), string(p.MaintenanceMargin),
	}
}

type positionsReader struct{ writer *snapshot.Writer }

func newPositionsReader() reader {
	return &positionsReader{writer: snapshot.NewWriter(positionsTable())}
}

func (r *positionsReader) read(ctx context.Context, a *attempt) reading {
	source, fault := serve[exchange.PositionReader](a)
	if fault != nil {
		return reading{fault: fault}
	}
	var got reading
	for _, scope := range source.PositionScopes() {
		p := readScope(ctx, a, r.writer, scope, source.Positions, positionValues)
		if !got.add(p, a.job.LastAttempt()) {
			break
		}
	}
	return got
}
