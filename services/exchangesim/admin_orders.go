package exchangesim

import (
	"errors"
	"fmt"
	"time"
)

// PlaceOrder places an order that stays open until it is filled or cancelled
// here.
func (x *Exchange) PlaceOrder(uid string, spec OrderSpec) (orderID string, at time.Time, err error) {
	at, err = x.change(uid, func(v *view) (func(*changes), error) {
		placed, err := spec.parse(v.market, v.at)
		if err != nil {
			return nil, err
		}
		for i, scope := range v.market.orderScopes() {
			if scope == placed.symbol.scope() {
				placed.id = v.encodeID(uint64(i)<<44 | placedSlot<<32 | uint64(uint32(len(v.past.orders))))
			}
		}
		orderID, placed.seed = placed.id, placed.symbol.seed.at(v.at, int64(len(v.past.orders)))
		return func(c *changes) {
			c.orders = append(c.orders, orderChange{at: v.at, act: orderPlaced, id: placed.id, placed: placed})
		}, nil
	})
	if err != nil {
		return "", at, fmt.Errorf("placing an order: %w", err)
	}
	return orderID, at, nil
}

// CancelOrder cancels an open order, keeping what it has filled.
func (x *Exchange) CancelOrder(uid, category, orderID string) (time.Time, error) {
	return x.changeOrder(uid, category, orderID, orderCancelled)
}

// FillOrder fills an open order entirely.
func (x *Exchange) FillOrder(uid, category, orderID string) (time.Time, error) {
	return x.changeOrder(uid, category, orderID, orderFilled)
}

// ForgetOrder makes the exchange forget an order, open or ended, without a
// trace.
func (x *Exchange) ForgetOrder(uid, category, orderID string) (time.Time, error) {
	return x.changeOrder(uid, category, orderID, orderForgotten)
}

func (x *Exchange) changeOrder(uid, category, orderID string, act orderAct) (time.Time, error) {
	at, err := x.change(uid, func(v *view) (func(*changes), error) {
		d, found := v.lookup(category, orderID)
		if !found {
			return nil, fmt.Errorf("%w: no such order", ErrNothing)
		}
		if d.record != nil {
			return nil, errors.New("an order of a dense history cannot be changed")
		}
		p, exists := v.progressOf(d)
		if !exists {
			return nil, fmt.Errorf("%w: the exchange does not know this order now", ErrNothing)
		}
		if act != orderForgotten && (standing{draft: d, progress: p}).ended() {
			return nil, fmt.Errorf("%w: the order is %s already", ErrNothing, p.status)
		}
		return func(c *changes) {
			c.orders = append(c.orders, orderChange{at: v.at, act: act, id: orderID})
		}, nil
	})
	if err != nil {
		return at, fmt.Errorf("changing order %s in %s: %w", orderID, category, err)
	}
	return at, nil
}
