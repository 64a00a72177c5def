package worker

import (
	"context"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// Fills are a history of each category (for options of each settle coin), by
// the time of execution. Columns by field of Bybit's execution/list:
//
//	exec_id          execId
//	order_id         orderId            client_order_id  orderLinkId
//	side             side, in lower case
//	exec_type        execType as sent: Trade, Funding, AdlTrade, BustTrade, Settle, …
//	order_type       orderType
//	price            execPrice          quantity         execQty
//	value            execValue          closed_quantity  closedSize
//	fee              execFee: above zero paid, below it received
//	fee_asset        feeCurrency, or by the exchange's rule where it sends none
//	fee_rate         feeRate            is_maker         isMaker
//	mark_price       markPrice          index_price      indexPrice
//	sequence         seq                executed_at      execTime
//
// A fill never changes: what is stored stays as it is, and a fill that differs
// is a verification's to find.
func fillsTable() snapshot.Table {
	return snapshot.Table{
		Name: "fills", Subject: "account_id", Scope: "scope", NoHistory: true, Guard: snapshot.Never,
		Key: []snapshot.Column{{Name: "category", Type: "text"}, {Name: "exec_id", Type: "text"}},
		Compared: []snapshot.Column{
			{Name: "order_id", Type: "text"},
			{Name: "client_order_id", Type: "text"},
			{Name: "symbol", Type: "text"},
			{Name: "side", Type: "text"},
			{Name: "exec_type", Type: "text"},
			{Name: "order_type", Type: "text"},
			{Name: "price", Type: "numeric"},
			{Name: "quantity", Type: "numeric"},
			{Name: "value", Type: "numeric"},
			{Name: "fee", Type: "numeric"},
			{Name: "fee_asset", Type: "text"},
			{Name: "fee_rate", Type: "numeric"},
			{Name: "closed_quantity", Type: "numeric"},
			{Name: "mark_price", Type: "numeric"},
			{Name: "index_price", Type: "numeric"},
			{Name: "is_maker", Type: "boolean"},
			{Name: "sequence", Type: "numeric"},
			{Name: "executed_at", Type: "timestamptz"},
		},
		Times: []string{"executed_at"},
	}
}

func fillValues(f exchange.Fill) []string {
	return []string{
		f.Category, f.ExecID,
		f.OrderID, f.ClientOrderID, f.Symbol, f.Side, f.ExecType, f.OrderType,
		string(f.Price), string(f.Quantity), string(f.Value), string(f.Fee), f.FeeAsset, string(f.FeeRate),
		string(f.ClosedQuantity), string(f.MarkPrice), string(f.IndexPrice), boolText(f.IsMaker),
		string(f.Sequence), timeText(f.ExecutedAt),
	}
}

type fillsReader struct{ past[exchange.Fill] }

func newFillsReader() reader { return &fillsReader{past: newPast(fillsTable(), "", fillValues)} }

func (r *fillsReader) read(ctx context.Context, a *attempt) reading {
	source, fault := serve[exchange.FillReader](a)
	if fault != nil {
		return reading{fault: fault}
	}
	return r.walk(ctx, a, source.FillHistories(), source.Fills)
}
