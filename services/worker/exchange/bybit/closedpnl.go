package bybit

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// closedPnLPage is the most the exchange gives; its default is 50.
const closedPnLPage = 100

type closedPnLKey struct {
	Symbol  text
	OrderID text
	Created millis
}

func (r *closedPnLKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "symbol":
		return &r.Symbol
	case "orderId":
		return &r.OrderID
	case "createdTime":
		return &r.Created
	default:
		return nil
	}
}

// closedPnLRow is one close of a position. What is counted in money is in the
// settle asset.
//
//	side                 side, in lower case: of the order that closed
//	order_type           orderType, exec_type execType: the exchange's words
//	quantity             qty, order_price orderPrice
//	closed_quantity      closedSize
//	entry_value          cumEntryValue, average_entry_price avgEntryPrice
//	exit_value           cumExitValue, average_exit_price avgExitPrice
//	realized_pnl         closedPnl
//	fill_count           fillCount, leverage leverage
//	open_fee, close_fee  openFee, closeFee; not sent for older rows
//	created_at           createdTime, part of the key; updated_at updatedTime
type closedPnLRow struct {
	Side          text
	OrderType     text
	ExecType      text
	Qty           amount
	OrderPrice    amount
	ClosedSize    amount
	EntryValue    amount
	AvgEntryPrice amount
	ExitValue     amount
	AvgExitPrice  amount
	ClosedPnL     amount
	FillCount     amount
	Leverage      amount
	OpenFee       amount
	CloseFee      amount
	Updated       millis
}

func (r *closedPnLRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "side":
		return &r.Side
	case "orderType":
		return &r.OrderType
	case "execType":
		return &r.ExecType
	case "qty":
		return &r.Qty
	case "orderPrice":
		return &r.OrderPrice
	case "closedSize":
		return &r.ClosedSize
	case "cumEntryValue":
		return &r.EntryValue
	case "avgEntryPrice":
		return &r.AvgEntryPrice
	case "cumExitValue":
		return &r.ExitValue
	case "avgExitPrice":
		return &r.AvgExitPrice
	case "closedPnl":
		return &r.ClosedPnL
	case "fillCount":
		return &r.FillCount
	case "leverage":
		return &r.Leverage
	case "openFee":
		return &r.OpenFee
	case "closeFee":
		return &r.CloseFee
	case "updatedTime":
		return &r.Updated
	default:
		return nil
	}
}

// ClosedPnLHistories is linear and inverse.
func (c *Client) ClosedPnLHistories() []exchange.History { return histories(linear, inverse) }

// ClosedPnL reads what the closes of positions within the window earned.
func (c *Client) ClosedPnL(ctx context.Context, scope exchange.Scope, window exchange.Window) exchange.Snapshot[exchange.ClosedPnL] {
	walk := past[exchange.ClosedPnL]{
		endpoint: closedPnLRecords,
		queries:  []url.Values{categoryQuery(string(scope), window, closedPnLPage)},
		read:     c.session.closedPnLIn(string(scope)),
		newer:    newerClosedPnL,
	}
	return walk.snapshot(ctx, c.session, c.ClosedPnLHistories(), scope, window)
}

func newerClosedPnL(candidate, kept exchange.ClosedPnL) bool {
	return !candidate.UpdatedAt.Before(kept.UpdatedAt)
}

func (s *session) closedPnLIn(category string) decode[exchange.ClosedPnL] {
	return func(raw json.RawMessage) (*exchange.ClosedPnL, *exchange.RowFault) { return s.closedPnL(raw, category) }
}

func (s *session) closedPnL(raw json.RawMessage, category string) (*exchange.ClosedPnL, *exchange.RowFault) {
	got, fault := decodeRow[closedPnLKey, closedPnLRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key.Symbol == "" || got.key.OrderID == "" || got.key.Created.at.IsZero() {
		return nil, s.rowFault(raw, "", "the row lacks its symbol, orderId or createdTime")
	}
	closed := exchange.ClosedPnL{Category: category, Symbol: string(got.key.Symbol), OrderID: string(got.key.OrderID), CreatedAt: got.key.Created.at}
	if fault := got.unread(s, raw, closed.Key()); fault != nil {
		return nil, fault
	}
	got.row.fill(&closed)
	return &closed, nil
}

func (r closedPnLRow) fill(c *exchange.ClosedPnL) {
	c.Side = strings.ToLower(string(r.Side))
	c.OrderType = string(r.OrderType)
	c.ExecType = string(r.ExecType)
	c.Quantity = r.Qty.number()
	c.OrderPrice = r.OrderPrice.number()
	c.ClosedQuantity = r.ClosedSize.number()
	c.EntryValue = r.EntryValue.number()
	c.AverageEntryPrice = r.AvgEntryPrice.number()
	c.ExitValue = r.ExitValue.number()
	c.AverageExitPrice = r.AvgExitPrice.number()
	c.RealizedPnL = r.ClosedPnL.number()
	c.FillCount = r.FillCount.number()
	c.Leverage = r.Leverage.number()
	c.OpenFee = r.OpenFee.number()
	c.CloseFee = r.CloseFee.number()
	c.UpdatedAt = r.Updated.at
}
