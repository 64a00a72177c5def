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
	Symbol  text   `json:"symbol"`
	OrderID text   `json:"orderId"`
	Created millis `json:"createdTime"`
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
	Side          text   `json:"side"`
	OrderType     text   `json:"orderType"`
	ExecType      text   `json:"execType"`
	Qty           amount `json:"qty"`
	OrderPrice    amount `json:"orderPrice"`
	ClosedSize    amount `json:"closedSize"`
	EntryValue    amount `json:"cumEntryValue"`
	AvgEntryPrice amount `json:"avgEntryPrice"`
	ExitValue     amount `json:"cumExitValue"`
	AvgExitPrice  amount `json:"avgExitPrice"`
	ClosedPnL     amount `json:"closedPnl"`
	FillCount     amount `json:"fillCount"`
	Leverage      amount `json:"leverage"`
	OpenFee       amount `json:"openFee"`
	CloseFee      amount `json:"closeFee"`
	Updated       millis `json:"updatedTime"`
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
	key, fault := decodeKey[closedPnLKey](s, raw)
	if fault != nil {
		return nil, fault
	}
	if key.Symbol == "" || key.OrderID == "" || key.Created.at.IsZero() {
		return nil, s.rowFault(raw, "", "the row lacks its symbol, orderId or createdTime")
	}
	closed := exchange.ClosedPnL{Category: category, Symbol: string(key.Symbol), OrderID: string(key.OrderID), CreatedAt: key.Created.at}
	row, fault := decodeRow[closedPnLRow](s, raw, closed.Key())
	if fault != nil {
		return nil, fault
	}
	row.fill(&closed)
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
