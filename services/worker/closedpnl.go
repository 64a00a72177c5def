package worker

import (
	"context"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// Closed PnL is a history of each category, by when the row was made. Columns by
// field of Bybit's position/closed-pnl:
//
//	order_id             orderId        side                side, in lower case
//	order_type           orderType      exec_type           execType
//	quantity             qty            order_price         orderPrice
//	closed_quantity      closedSize     fill_count          fillCount
//	entry_value          cumEntryValue  average_entry_price avgEntryPrice
//	exit_value           cumExitValue   average_exit_price  avgExitPrice
//	realized_pnl         closedPnl      leverage            leverage
//	open_fee             openFee        close_fee           closeFee
//	created_at           createdTime    updated_at          updatedTime
func closedPnLTable() snapshot.Table {
	return snapshot.Table{
		Name: "closed_pnl", Subject: "account_id", Scope: "scope", NoHistory: true,
		Key: []snapshot.Column{
			{Name: "category", Type: "text"},
			{Name: "symbol", Type: "text"},
			{Name: "order_id", Type: "text"},
			{Name: "created_at", Type: "timestamptz"},
		},
		Compared: []snapshot.Column{
			{Name: "side", Type: "text"},
			{Name: "order_type", Type: "text"},
			{Name: "exec_type", Type: "text"},
			{Name: "quantity", Type: "numeric"},
			{Name: "order_price", Type: "numeric"},
			{Name: "closed_quantity", Type: "numeric"},
			{Name: "entry_value", Type: "numeric"},
			{Name: "average_entry_price", Type: "numeric"},
			{Name: "exit_value", Type: "numeric"},
			{Name: "average_exit_price", Type: "numeric"},
			{Name: "realized_pnl", Type: "numeric"},
			{Name: "fill_count", Type: "numeric"},
			{Name: "leverage", Type: "numeric"},
			{Name: "open_fee", Type: "numeric"},
			{Name: "close_fee", Type: "numeric"},
			{Name: "updated_at", Type: "timestamptz"},
		},
		Guard: `t.updated_at IS NULL OR i.updated_at IS NULL OR i.updated_at >= t.updated_at`,
		Moved: `i.updated_at > ` + snapshot.LastRead,
		Times: []string{"created_at"},
	}
}

func closedPnLValues(c exchange.ClosedPnL) []string {
	return []string{
		c.Category, c.Symbol, c.OrderID, timeText(c.CreatedAt),
		c.Side, c.OrderType, c.ExecType, string(c.Quantity), string(c.OrderPrice), string(c.ClosedQuantity),
		string(c.EntryValue), string(c.AverageEntryPrice), string(c.ExitValue), string(c.AverageExitPrice),
		string(c.RealizedPnL), string(c.FillCount), string(c.Leverage), string(c.OpenFee), string(c.CloseFee),
		timeText(c.UpdatedAt),
	}
}

type closedPnLReader struct{ past[exchange.ClosedPnL] }

func newClosedPnLReader() reader {
	return &closedPnLReader{past: newPast(closedPnLTable(), "", closedPnLValues)}
}

func (r *closedPnLReader) read(ctx context.Context, a *attempt) reading {
	source, fault := serve[exchange.ClosedPnLReader](a)
	if fault != nil {
		return reading{fault: fault}
	}
	return r.walk(ctx, a, source.ClosedPnLHistories(), source.ClosedPnL)
}
