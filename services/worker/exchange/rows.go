package exchange

import "time"

// Number is a decimal exactly as the exchange sent it. The empty Number means
// the exchange sent none ("" or null or no such key) and is stored as NULL,
// never as zero. An adapter puts only valid decimals here.
type Number string

// Balance is one asset of one wallet.
type Balance struct {
	Wallet, Asset                      string
	Total, Available, Locked, Borrowed Number
	Equity, USDValue                   Number
}

// Position is one open position; Side is "long" or "short". In hedge mode both
// legs of a symbol are positions of their own, told apart by PositionIdx.
type Position struct {
	Category, Symbol                              string
	PositionIdx                                   int
	Side                                          string
	Size, EntryPrice, MarkPrice, Leverage         Number
	LiquidationPrice, UnrealizedPnL               Number
	RealizedPnL, InitialMargin, MaintenanceMargin Number
	SettleAsset                                   string
}

// Order is one order in whatever state the exchange reports it. Status is ours
// (see docs/design.md: untriggered, open, partially_filled, filled, cancelled,
// rejected, expired, unknown); ExchangeStatus is the exchange's word. Fees maps
// an asset to the amount paid in it; nil when the exchange did not say.
// Scope is the open-order scope the row was read from, empty for rows that did
// not come from an open-order walk.
type Order struct {
	Category, OrderID, ClientOrderID     string
	Symbol, Side, OrderType, TimeInForce string
	Status, ExchangeStatus               string
	Price, Quantity, FilledQuantity      Number
	AveragePrice, TriggerPrice           Number
	Fees                                 map[string]Number
	ReduceOnly                           *bool
	CreatedAt, UpdatedAt                 time.Time
	Scope                                Scope
}

// Price is the ticker of one symbol.
type Price struct {
	Category, Symbol       string
	Last, Bid, Ask         Number
	Mark, Index, Volume24h Number
	FundingRate            Number
}
