package bybit

import (
	"context"
	"net/url"
	"strconv"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Order looks one order up among the open and recently closed ones, then in
// the history. It is not found only if both answered and neither has it; an
// order cancelled without a fill is forgotten by the exchange after a day. No
// settle coin is needed where an order is named.
func (c *Client) Order(ctx context.Context, category, orderID string) (exchange.Order, bool, *exchange.Error) {
	if fault := unserved(exchange.Scope(category), scopesOf(c.ClosedOrderHistories())); fault != nil {
		return exchange.Order{}, false, fault
	}
	if orderID == "" {
		return exchange.Order{}, false, &exchange.Error{Class: exchange.BadRequest, Message: "an order is looked up by its id, and none was given"}
	}
	for _, ep := range []endpoint{orderRealtime, orderHistory} {
		order, found, fault := c.lookUp(ctx, ep, category, orderID)
		if found || fault != nil {
			return order, found, fault
		}
	}
	return exchange.Order{}, false, nil
}

func (c *Client) lookUp(ctx context.Context, ep endpoint, category, orderID string) (exchange.Order, bool, *exchange.Error) {
	query := url.Values{"category": {category}, "orderId": {orderID}}
	page, fault := c.session.pages(ep, query)(ctx, "")
	if fault != nil {
		if unknownOrder(fault) {
			return exchange.Order{}, false, nil
		}
		return exchange.Order{}, false, fault
	}
	for _, raw := range page.rows {
		order, fault := c.session.order(raw, category, "")
		if fault != nil {
			return exchange.Order{}, false, during(ep, &exchange.Error{
				Class: exchange.Decode, Message: "order " + orderID + ": " + fault.Reason, Payload: fault.Payload,
			})
		}
		if order.OrderID == orderID {
			return *order, true, nil
		}
	}
	if len(page.rows) > 0 {
		return exchange.Order{}, false, during(ep, &exchange.Error{
			Class: exchange.Decode, Message: "the exchange was asked for order " + orderID + " and answered with others", Payload: c.session.payload(page.reply.body, ""),
		})
	}
	return exchange.Order{}, false, nil
}

// unknownOrder reports whether the exchange said that it does not know the
// order, which is an answer.
func unknownOrder(fault *exchange.Error) bool {
	return fault.Code == strconv.Itoa(codeNoOrder) || fault.Code == strconv.Itoa(codeNoSpot)
}
