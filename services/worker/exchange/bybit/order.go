package bybit

import (
	"encoding/json"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

type orderKey struct {
	OrderID text
}

func (r *orderKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "orderId":
		return &r.OrderID
	default:
		return nil
	}
}

// orderRow is one order, open or closed.
//
//	client_order_id  orderLinkId
//	side             side, in lower case
//	order_type       orderType, time_in_force timeInForce: the exchange's words
//	status           see orderStatus; exchange_status is orderStatus as sent
//	price            price; none for a market order, see orderPrice
//	quantity         qty; of a spot market order that buys it is in the quote
//	                 coin when marketUnit says so, unlike filled_quantity
//	filled_quantity  cumExecQty. Never qty - leavesQty: leavesQty is 0 after a
//	                 cancel
//	average_price    avgPrice; none while nothing is filled, see averagePrice
//	trigger_price    triggerPrice; none unless conditional, see triggerPrice
//	fees             cumFeeDetail; none if not sent. cumExecFee is deprecated
//	                 and names no coin
//	reduce_only      reduceOnly
type orderRow struct {
	OrderLinkID text
	Symbol      text
	Side        text
	OrderType   text
	TimeInForce text
	OrderStatus text
	StopType    text
	Price       amount
	Qty         amount
	CumExecQty  amount
	AvgPrice    amount
	Trigger     amount
	Fees        amounts
	ReduceOnly  flag
	Created     millis
	Updated     millis
}

func (r *orderRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "orderLinkId":
		return &r.OrderLinkID
	case "symbol":
		return &r.Symbol
	case "side":
		return &r.Side
	case "orderType":
		return &r.OrderType
	case "timeInForce":
		return &r.TimeInForce
	case "orderStatus":
		return &r.OrderStatus
	case "stopOrderType":
		return &r.StopType
	case "price":
		return &r.Price
	case "qty":
		return &r.Qty
	case "cumExecQty":
		return &r.CumExecQty
	case "avgPrice":
		return &r.AvgPrice
	case "triggerPrice":
		return &r.Trigger
	case "cumFeeDetail":
		return &r.Fees
	case "reduceOnly":
		return &r.ReduceOnly
	case "createdTime":
		return &r.Created
	case "updatedTime":
		return &r.Updated
	default:
		return nil
	}
}

func (s *session) orderIn(category string, scope exchange.Scope) decode[exchange.Order] {
	return func(raw json.RawMessage) (*exchange.Order, *exchange.RowFault) { return s.order(raw, category, scope) }
}

// order reads a row. scope is empty unless the row is of an open-order walk.
func (s *session) order(raw json.RawMessage, category string, scope exchange.Scope) (*exchange.Order, *exchange.RowFault) {
	got, fault := decodeRow[orderKey, orderRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key.OrderID == "" {
		return nil, s.rowFault(raw, "", "the row has no orderId")
	}
	order := exchange.Order{Category: category, OrderID: string(got.key.OrderID), Scope: scope}
	if fault := got.unread(s, raw, order.Key()); fault != nil {
		return nil, fault
	}
	got.row.fill(&order)
	return &order, nil
}

func (r orderRow) fill(o *exchange.Order) {
	o.ClientOrderID = string(r.OrderLinkID)
	o.Symbol = string(r.Symbol)
	o.Side = strings.ToLower(string(r.Side))
	o.OrderType = string(r.OrderType)
	o.TimeInForce = string(r.TimeInForce)
	o.Status = orderStatus(r.OrderStatus)
	o.ExchangeStatus = string(r.OrderStatus)
	o.Price = r.orderPrice()
	o.Quantity = r.Qty.number()
	o.FilledQuantity = r.CumExecQty.number()
	o.AveragePrice = r.averagePrice()
	o.TriggerPrice = r.triggerPrice()
	o.Fees = r.fees()
	o.ReduceOnly = r.ReduceOnly.value
	o.CreatedAt = r.Created.at
	o.UpdatedAt = r.Updated.at
}

// orderPrice: the documentation gives "0" for the price of a market order,
// which has none.
func (r orderRow) orderPrice() exchange.Number {
	if r.OrderType == "Market" && isZero(string(r.Price)) {
		return ""
	}
	return r.Price.number()
}

// averagePrice: the documentation gives "" or "0" for an order without fills.
// A zero beside a fill would be news and is kept.
func (r orderRow) averagePrice() exchange.Number {
	filled := r.CumExecQty != "" && !isZero(string(r.CumExecQty))
	if !filled && isZero(string(r.AvgPrice)) {
		return ""
	}
	return r.AvgPrice.number()
}

// triggerPrice: the documentation shows "0.00" on orders that are not
// conditional, whose stopOrderType is UNKNOWN or, for spot, empty.
func (r orderRow) triggerPrice() exchange.Number {
	conditional := r.StopType != "" && r.StopType != "UNKNOWN"
	if !conditional && isZero(string(r.Trigger)) {
		return ""
	}
	return r.Trigger.number()
}

// fees is nil if the exchange did not say, and empty if it said none.
func (r orderRow) fees() map[string]exchange.Number {
	if r.Fees == nil {
		return nil
	}
	fees := make(map[string]exchange.Number, len(r.Fees))
	for coin, fee := range r.Fees {
		if coin != "" && fee != "" {
			fees[coin] = fee.number()
		}
	}
	return fees
}

// newerOrder prefers the later update. Of two with the same, the later read
// wins: it is no older.
func newerOrder(candidate, kept exchange.Order) bool {
	return !candidate.UpdatedAt.Before(kept.UpdatedAt)
}
