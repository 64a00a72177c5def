package bybit

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Order looks one order up among the open and recently closed ones, then in
// the history. It is not found only if both answered and neither has it; an
// order cancelled without a fill is forgotten by the exchange after a day.
//
// Open orders of linear are listed by symbol, base or settle coin only, so the
// symbol is sent where it is known. Without times the history answers for the last
// week, so it is asked for the week in which the order was made, and then, since
// it may be filed by when it ended, without.
func (c *Client) Order(ctx context.Context, known exchange.Order) (exchange.Order, bool, *exchange.Error) {
	category, orderID := known.Category, known.OrderID
	if fault := unserved(exchange.Scope(category), scopesOf(c.ClosedOrderHistories())); fault != nil {
		return exchange.Order{}, false, fault
	}
	if orderID == "" {
		return exchange.Order{}, false, &exchange.Error{Class: exchange.BadRequest, Message: "an order is looked up by its id, and none was given"}
	}
	named := url.Values{"category": {category}, "orderId": {orderID}}
	if known.Symbol != "" {
		named.Set("symbol", known.Symbol)
	}
	order, found, fault := c.lookUp(ctx, orderRealtime, named)
	if found || fault != nil {
		return order, found, fault
	}
	order, found, fault = c.lookUp(ctx, orderHistory, named)
	if found || fault != nil || known.CreatedAt.IsZero() {
		return order, found, fault
	}
	from := known.CreatedAt.Add(-time.Second).Truncate(time.Millisecond)
	named.Set("startTime", strconv.FormatInt(from.UnixMilli(), 10))
	named.Set("endTime", strconv.FormatInt(from.Add(maxWindow).UnixMilli(), 10))
	return c.lookUp(ctx, orderHistory, named)
}

func (c *Client) lookUp(ctx context.Context, ep endpoint, query url.Values) (exchange.Order, bool, *exchange.Error) {
	category, orderID := query.Get("category"), query.Get("orderId")
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
