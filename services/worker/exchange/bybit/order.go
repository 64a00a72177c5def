package bybit

import (
	"encoding/json"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

type orderKey struct {
	OrderID text `json:"orderId"`
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
	OrderLinkID text            `json:"orderLinkId"`
	Symbol      text            `json:"symbol"`
	Side        text            `json:"side"`
	OrderType   text            `json:"orderType"`
	TimeInForce text            `json:"timeInForce"`
	OrderStatus text            `json:"orderStatus"`
	StopType    text            `json:"stopOrderType"`
	Price       amount          `json:"price"`
	Qty         amount          `json:"qty"`
	CumExecQty  amount          `json:"cumExecQty"`
	AvgPrice    amount          `json:"avgPrice"`
	Trigger     amount          `json:"triggerPrice"`
	Fees        map[text]amount `json:"cumFeeDetail"`
	ReduceOnly  flag            `json:"reduceOnly"`
	Created     millis          `json:"createdTime"`
	Updated     millis          `json:"updatedTime"`
}

func (s *session) orderIn(category string, scope exchange.Scope) decode[exchange.Order] {
	return func(raw json.RawMessage) (*exchange.Order, *exchange.RowFault) { return s.order(raw, category, scope) }
}

// order reads a row. scope is empty unless the row is of an open-order walk.
func (s *session) order(raw json.RawMessage, category string, scope exchange.Scope) (*exchange.Order, *exchange.RowFault) {
	key, fault := decodeKey[orderKey](s, raw)
	if fault != nil {
		return nil, fault
	}
	if key.OrderID == "" {
		return nil, s.rowFault(raw, "", "the row has no orderId")
	}
	order := exchange.Order{Category: category, OrderID: string(key.OrderID), Scope: scope}
	row, fault := decodeRow[orderRow](s, raw, order.Key())
	if fault != nil {
		return nil, fault
	}
	row.fill(&order)
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
			fees[string(coin)] = fee.number()
		}
	}
	return fees
}

// newerOrder prefers the later update. Of two with the same, the later read
// wins: it is no older.
func newerOrder(candidate, kept exchange.Order) bool {
	return !candidate.UpdatedAt.Before(kept.UpdatedAt)
}
