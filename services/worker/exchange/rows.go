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

// Fill is one execution: a trade, or funding, a delivery, a liquidation as
// ExecType says in the exchange's word. Fee above zero was paid. Sequence is a
// whole number, kept as text because it exceeds what a float can hold.
type Fill struct {
	Category, ExecID       string
	OrderID, ClientOrderID string
	Symbol, Side           string
	ExecType, OrderType    string
	Price, Quantity, Value Number
	Fee, FeeRate           Number
	FeeAsset               string
	ClosedQuantity         Number
	MarkPrice, IndexPrice  Number
	Sequence               Number
	IsMaker                *bool
	ExecutedAt             time.Time
}

// LedgerEntry is one row of one of the exchange's books. Source names the book
// (transaction_log, contract_log, funding_log, deposit, withdrawal, transfer).
// EntryID is unique within account and source; it is made from the row where the
// exchange's own id (ExchangeID) is not unique. Change is what the wallet's
// balance changed by; empty where the book does not say.
type LedgerEntry struct {
	Source, EntryID, ExchangeID     string
	Wallet, Asset, EntryType        string
	Category, Symbol, Side          string
	Quantity, PositionSize, Price   Number
	CashFlow, Funding, Fee, FeeRate Number
	BonusChange, Change, Balance    Number
	OrderID, ClientOrderID, TradeID string
	Status                          string
	FromWallet, ToWallet            string
	Network, TransactionHash        string
	Description                     string
	OccurredAt, UpdatedAt           time.Time
}

// ClosedPnL is what one close of a position earned, in the settle asset.
type ClosedPnL struct {
	Category, Symbol, OrderID            string
	Side, OrderType, ExecType            string
	Quantity, OrderPrice, ClosedQuantity Number
	EntryValue, AverageEntryPrice        Number
	ExitValue, AverageExitPrice          Number
	RealizedPnL, FillCount, Leverage     Number
	OpenFee, CloseFee                    Number
	CreatedAt, UpdatedAt                 time.Time
}

// Instrument is what a market lists. Status is ours (prelaunch, trading,
// delivering, closed, unknown). A quantity counts contracts of ContractValue in
// ContractAsset each.
type Instrument struct {
	Category, Symbol                   string
	Status, ExchangeStatus             string
	BaseAsset, QuoteAsset, SettleAsset string
	ContractType, OptionType           string
	TickSize, QuantityStep             Number
	MinQuantity, MaxQuantity           Number
	MinNotional, ContractValue         Number
	ContractAsset                      string
	MinLeverage, MaxLeverage           Number
	FundingMinutes                     Number
	LaunchedAt, DeliversAt             time.Time
}

// Series is what candles are of. Interval is the exchange's name of it.
type Series struct{ Category, Symbol, Interval string }

// Candle is one final bar.
type Candle struct {
	Series
	StartAt                time.Time
	Open, High, Low, Close Number
	Volume, Turnover       Number
}

// SubAccount is one sub-account of a master. Status is the exchange's number.
type SubAccount struct {
	UID, Name, Status, AccountMode, Remark string
}
