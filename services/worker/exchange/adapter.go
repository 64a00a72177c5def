package exchange

// Adapter makes readers for one exchange. It does no I/O: a wrong key or an
// unreachable host shows on the first call, a wrong setting here.
//
// What Account returns also implements those of BalanceReader,
// PositionReader, OpenOrderReader, ClosedOrderReader, FillReader, LedgerReader,
// ClosedPnLReader and SubAccountReader that the exchange can serve, and what
// Market returns InstrumentReader and CandleReader; what is asked for and not
// there is Unsupported. Both results also implement Timekeeper and Reparser.
type Adapter interface {
	Account(target Target, credentials Credentials) (Prober, error)
	Market(target Target) (PriceReader, error)
}

// Target says where an account or a market is.
type Target struct {
	// Environment is the exchange's name for it ("mainnet", "testnet").
	Environment string
	// BaseURL overrides the environment's own address; empty keeps it.
	BaseURL string
	// UID is the exchange's id of the account, under which it counts its
	// limits. Empty until a probe has found it.
	UID string
	// Mode is the account's mode as the last probe found it (KeyInfo.AccountMode):
	// it decides which wallets and products there are. Empty before the first.
	Mode string
	// SettleCoins of linear contracts and OptionBases, as the market's
	// instruments list them; empty: not known yet, the adapter's own defaults.
	SettleCoins, OptionBases []string
}

// Timekeeper gives the clock of the host that a reader reads from.
type Timekeeper interface {
	Clock() *Clock
}
