package exchange

import (
	"strconv"
	"time"
)

// Keyed is a row that knows its key within its data type. RowFault.Key has the
// same form, so that a row which came but was not understood can be matched
// with the row that is stored.
type Keyed interface{ Key() string }

// Key is "unified/USDT".
func (b Balance) Key() string { return BalanceKey(b.Wallet, b.Asset) }

// Key is "linear/BTCUSDT/0".
func (p Position) Key() string { return PositionKey(p.Category, p.Symbol, p.PositionIdx) }

// Key is "linear/" and the order's id.
func (o Order) Key() string { return OrderKey(o.Category, o.OrderID) }

// Key is "spot/BTCUSDT".
func (p Price) Key() string { return PriceKey(p.Category, p.Symbol) }

// Key is "linear/" and the execution's id.
func (f Fill) Key() string { return f.Category + "/" + f.ExecID }

// Key is "deposit/" and the entry's id.
func (e LedgerEntry) Key() string { return e.Source + "/" + e.EntryID }

// Key is "linear/BTCUSDT/" with the order's id and when the row was made.
func (c ClosedPnL) Key() string {
	return c.Category + "/" + c.Symbol + "/" + c.OrderID + "/" + c.CreatedAt.UTC().Format(time.RFC3339Nano)
}

// Key is "spot/BTCUSDT".
func (i Instrument) Key() string { return PriceKey(i.Category, i.Symbol) }

// Key is "spot/BTCUSDT/60" and the bar's beginning.
func (c Candle) Key() string {
	return string(c.Scope()) + "/" + c.StartAt.UTC().Format(time.RFC3339)
}

// Scope is "spot/BTCUSDT/60": a series is complete or not by itself.
func (s Series) Scope() Scope { return Scope(s.Category + "/" + s.Symbol + "/" + s.Interval) }

// BalanceKey is the key of a balance.
func BalanceKey(wallet, asset string) string { return wallet + "/" + asset }

// PositionKey is the key of a position: in hedge mode the legs of one symbol
// differ in idx alone.
func PositionKey(category, symbol string, idx int) string {
	return category + "/" + symbol + "/" + strconv.Itoa(idx)
}

// OrderKey is the key of an order: ids are unique within a category only.
func OrderKey(category, orderID string) string { return category + "/" + orderID }

// PriceKey is the key of a price: one symbol may be listed in several categories.
func PriceKey(category, symbol string) string { return category + "/" + symbol }
