// Package exchange says what the worker needs from an exchange: a reader per
// data type, the shape of what a reader returns, the classes of its errors,
// and the policies every call passes.
//
// An adapter (exchange/bybit) imports this package and nothing else of ours.
// It never touches the database, never retries a job and never decides what a
// missing row means: it reports what it read, what it could not read and why.
package exchange

import (
	"context"
	"time"
)

// Scope names the smallest part of a data type that is complete or not by
// itself: a wallet for balances; a category, with its settle coin where the
// exchange asks for one ("linear:USDT"), for positions, orders and prices.
type Scope string

// Snapshot is one complete attempt to read one scope.
//
// AsOf is the exchange's clock at the first response of the walk: nothing in
// Rows is older. Rows are deduplicated by key, Faults by key and payload. A
// caller may treat a row that is absent as gone only if Complete is true and no
// fault in Faults lacks a key.
type Snapshot[T any] struct {
	Scope    Scope
	AsOf     time.Time
	Rows     []T
	Faults   []RowFault
	Complete bool
	// Err says why the scope was not read to its end; nil when Complete.
	// Rows may still hold what came before the error.
	Err *Error
}

// RowFault is a row that came but was not understood. Key is empty when not
// even the row's key could be read; then nothing of the scope may be deleted.
// Payload is the row as sent, with secrets redacted.
type RowFault struct {
	Key     string
	Reason  string
	Payload []byte
}

// BalanceReader reads one wallet.
type BalanceReader interface {
	BalanceScopes() []Scope
	Balances(ctx context.Context, scope Scope) Snapshot[Balance]
}

// PositionReader reads the open positions of one scope.
type PositionReader interface {
	PositionScopes() []Scope
	Positions(ctx context.Context, scope Scope) Snapshot[Position]
}

// OpenOrderReader reads the orders that are open in one scope. Order looks one
// order up wherever the exchange still knows it; found is false only when the
// exchange answered and does not know it.
type OpenOrderReader interface {
	OpenOrderScopes() []Scope
	OpenOrders(ctx context.Context, scope Scope) Snapshot[Order]
	// Order looks up an order of which category and id are known, and symbol and
	// time of creation if they were stored.
	Order(ctx context.Context, known Order) (order Order, found bool, err *Error)
}

// History is one scope of what lies in the past, and what the exchange allows
// to be asked of it.
type History struct {
	Scope Scope
	// Window is the longest span of one query.
	Window time.Duration
	// Depth is how far back the exchange serves anything; 0: to the beginning.
	Depth time.Duration
	// Lag is how long a row may be missing after it came to be. What ends less
	// than Lag before a reading does not count as read.
	Lag time.Duration
}

// ClosedOrderReader reads orders that ended within a window. A window is never
// longer than its History's; its bounds are inclusive of From and exclusive of
// To. The same holds for the readers of the other histories.
type ClosedOrderReader interface {
	ClosedOrderHistories() []History
	ClosedOrders(ctx context.Context, scope Scope, window Window) Snapshot[Order]
}

// FillReader reads executions of every type by the time they happened.
type FillReader interface {
	FillHistories() []History
	Fills(ctx context.Context, scope Scope, window Window) Snapshot[Fill]
}

// LedgerReader reads the books of the account's money, one scope for each.
type LedgerReader interface {
	LedgerHistories() []History
	LedgerEntries(ctx context.Context, scope Scope, window Window) Snapshot[LedgerEntry]
}

// ClosedPnLReader reads what closes of positions earned.
type ClosedPnLReader interface {
	ClosedPnLHistories() []History
	ClosedPnL(ctx context.Context, scope Scope, window Window) Snapshot[ClosedPnL]
}

// InstrumentReader reads what one scope lists; it needs no key.
type InstrumentReader interface {
	InstrumentScopes() []Scope
	Instruments(ctx context.Context, scope Scope) Snapshot[Instrument]
}

// CandleReader reads the final bars of a series that begin within a window. The
// bar that is still open is left out. CandleHistory gives the limits of a
// series; an interval that the exchange does not have is an error.
type CandleReader interface {
	CandleHistory(series Series) (History, *Error)
	Candles(ctx context.Context, series Series, window Window) Snapshot[Candle]
}

// SubAccountReader lists the sub-accounts of a master key.
type SubAccountReader interface {
	SubAccounts(ctx context.Context) ([]SubAccount, *Error)
}

// Reparser reads a row again that was kept because it could not be read. row is
// one of the types of this package, by the job's data type; neither row nor
// fault means that the row is understood and is none of ours.
type Reparser interface {
	Reparse(dataType string, scope Scope, payload []byte) (row Keyed, fault *RowFault)
}

// PriceReader reads all tickers of one scope; it needs no key.
type PriceReader interface {
	PriceScopes() []Scope
	Prices(ctx context.Context, scope Scope) Snapshot[Price]
}

// Prober asks the exchange who a key belongs to and what it may do.
type Prober interface {
	Probe(ctx context.Context) (KeyInfo, *Error)
}

// Window is a half-open span of time [From, To).
type Window struct{ From, To time.Time }

// KeyInfo is what the exchange says about a key. ExpiresAt is zero for a key
// that does not expire. CanTrade and CanWithdraw are true if any permission
// would let the key place an order or move funds out of the account.
type KeyInfo struct {
	UID         string
	IsMaster    bool
	ParentUID   string // of a sub-account's key; empty for a master's
	AccountMode string
	ReadOnly    bool
	CanTrade    bool
	CanWithdraw bool
	Permissions map[string][]string
	ExpiresAt   time.Time
	AsOf        time.Time
}
