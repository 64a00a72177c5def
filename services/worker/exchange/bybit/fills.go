package bybit

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// executionPage is the most the exchange gives; its default is 50.
const executionPage = 100

type fillKey struct {
	ExecID text
}

func (r *fillKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "execId":
		return &r.ExecID
	default:
		return nil
	}
}

// fillRow is one execution.
//
//	order_id         orderId, client_order_id orderLinkId
//	side             side, in lower case
//	exec_type        execType, order_type orderType: the exchange's words. Trade,
//	                 and Funding, Delivery, Settle, BustTrade, AdlTrade and more
//	price            execPrice
//	quantity         execQty, value execValue, closed_quantity closedSize
//	fee              execFee: above zero paid, below received. Of a Funding row
//	                 it is the funding, whose sign is the opposite of funding in
//	                 the transaction log
//	fee_asset        feeCurrency; if that is empty, see feeAsset
//	fee_rate         feeRate
//	mark_price       markPrice, index_price indexPrice
//	is_maker         isMaker
//	sequence         seq, which exceeds 2^53 and repeats among fills made together
//	executed_at      execTime; a row without is a fault
type fillRow struct {
	OrderID     text
	OrderLinkID text
	Symbol      text
	Side        text
	ExecType    text
	OrderType   text
	Price       amount
	Qty         amount
	Value       amount
	Fee         amount
	FeeRate     amount
	FeeCurrency text
	ClosedSize  amount
	MarkPrice   amount
	IndexPrice  amount
	Seq         whole
	IsMaker     flag
	Time        millis
}

func (r *fillRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "orderId":
		return &r.OrderID
	case "orderLinkId":
		return &r.OrderLinkID
	case "symbol":
		return &r.Symbol
	case "side":
		return &r.Side
	case "execType":
		return &r.ExecType
	case "orderType":
		return &r.OrderType
	case "execPrice":
		return &r.Price
	case "execQty":
		return &r.Qty
	case "execValue":
		return &r.Value
	case "execFee":
		return &r.Fee
	case "feeRate":
		return &r.FeeRate
	case "feeCurrency":
		return &r.FeeCurrency
	case "closedSize":
		return &r.ClosedSize
	case "markPrice":
		return &r.MarkPrice
	case "indexPrice":
		return &r.IndexPrice
	case "seq":
		return &r.Seq
	case "isMaker":
		return &r.IsMaker
	case "execTime":
		return &r.Time
	default:
		return nil
	}
}

// FillHistories is spot, linear, inverse, and option for each coin that options
// settle in: without a coin the exchange shows those of BTC only.
func (c *Client) FillHistories() []exchange.History {
	scopes := []exchange.Scope{spot, linear, inverse}
	if c.mode.options() {
		scopes = append(scopes, join(option, "USDT"), join(option, "USDC"))
	}
	return histories(scopes...)
}

// Fills reads the executions of every type within the window.
func (c *Client) Fills(ctx context.Context, scope exchange.Scope, window exchange.Window) exchange.Snapshot[exchange.Fill] {
	category, coin := cut(scope)
	query := categoryQuery(category, window, executionPage)
	if coin != "" {
		query.Set("settleCoin", coin)
	}
	walk := past[exchange.Fill]{endpoint: executionList, queries: []url.Values{query}, read: c.fillIn(scope)}
	return walk.snapshot(ctx, c.session, c.FillHistories(), scope, window)
}

func (c *Client) fillIn(scope exchange.Scope) decode[exchange.Fill] {
	return func(raw json.RawMessage) (*exchange.Fill, *exchange.RowFault) { return c.fill(raw, scope) }
}

func (c *Client) fill(raw json.RawMessage, scope exchange.Scope) (*exchange.Fill, *exchange.RowFault) {
	got, fault := decodeRow[fillKey, fillRow](c.session, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key.ExecID == "" {
		return nil, c.session.rowFault(raw, "", "the row has no execId")
	}
	category, settles := cut(scope)
	fill := exchange.Fill{Category: category, ExecID: string(got.key.ExecID)}
	row := &got.row
	switch {
	case got.misfit != nil:
		return nil, got.unread(c.session, raw, fill.Key())
	case row.Time.at.IsZero():
		return nil, c.session.rowFault(raw, fill.Key(), "the row has no execTime")
	case row.Symbol == "":
		return nil, c.session.rowFault(raw, fill.Key(), "the row names no symbol")
	}
	row.fill(&fill)
	if fill.FeeAsset == "" {
		fill.FeeAsset = feeAsset(fill, settles, c.settleCoins)
	}
	return &fill, nil
}

func (r fillRow) fill(f *exchange.Fill) {
	f.OrderID = string(r.OrderID)
	f.ClientOrderID = string(r.OrderLinkID)
	f.Symbol = string(r.Symbol)
	f.Side = strings.ToLower(string(r.Side))
	f.ExecType = string(r.ExecType)
	f.OrderType = string(r.OrderType)
	f.Price = r.Price.number()
	f.Quantity = r.Qty.number()
	f.Value = r.Value.number()
	f.Fee = r.Fee.number()
	f.FeeRate = r.FeeRate.number()
	f.FeeAsset = string(r.FeeCurrency)
	f.ClosedQuantity = r.ClosedSize.number()
	f.MarkPrice = r.MarkPrice.number()
	f.IndexPrice = r.IndexPrice.number()
	f.Sequence = exchange.Number(r.Seq)
	f.IsMaker = r.IsMaker.value
	f.ExecutedAt = r.Time.at
}
