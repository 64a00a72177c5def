package exchangesim

// endpoint is one path of the API.
type endpoint struct {
	path      string
	private   bool
	perSecond int // documented limit per UID
	pages     pageSizes
	// serve computes the answer; c.view is the account at the instant shown.
	serve func(x *Exchange, c *call) (any, *refusal)
	// list computes the rows of a paged answer instead.
	list func(x *Exchange, c *call) (*listing, *refusal)
}

// pageSizes are the largest and the default limit; zero: not paged.
type pageSizes struct{ most, usual int }

func endpoints() []endpoint {
	return []endpoint{
		{path: "/v5/market/time", serve: serveTime},
		{path: "/v5/market/tickers", serve: serveTickers},
		{path: "/v5/market/instruments-info", serve: serveInstruments},
		{path: "/v5/market/kline", serve: serveKline},
		{path: "/v5/system/status", serve: serveSystemStatus},
		{path: "/v5/user/query-sub-members", private: true, perSecond: 10, serve: serveSubMembers},
		{path: "/v5/user/query-api", private: true, perSecond: 10, serve: serveKeyInfo},
		{path: "/v5/account/info", private: true, perSecond: 50, serve: serveAccountInfo},
		{path: "/v5/account/wallet-balance", private: true, perSecond: 50, serve: serveWallet},
		{path: "/v5/position/list", private: true, perSecond: 50, pages: pageSizes{200, 20}, list: listPositions},
		{path: "/v5/order/realtime", private: true, perSecond: 50, pages: pageSizes{50, 20}, list: listOpenOrders},
		{path: "/v5/order/history", private: true, perSecond: 50, pages: pageSizes{50, 20}, list: listOrderHistory},
		{path: "/v5/execution/list", private: true, perSecond: 50, pages: pageSizes{100, 50}, list: listExecutions},
		{path: "/v5/position/closed-pnl", private: true, perSecond: 50, pages: pageSizes{100, 50}, list: listClosedPnl},
		{path: "/v5/account/transaction-log", private: true, perSecond: 25, pages: pageSizes{50, 20}, list: listTransactions},
		{path: "/v5/account/contract-transaction-log", private: true, perSecond: 25, pages: pageSizes{50, 20}, list: listContractTransactions},
		{path: "/v5/asset/fundinghistory", private: true, perSecond: 30, pages: pageSizes{100, 10}, list: listFundHistory},
		{path: "/v5/asset/deposit/query-record", private: true, perSecond: 5, pages: pageSizes{50, 50}, list: listDeposits},
		{path: "/v5/asset/withdraw/query-record", private: true, perSecond: 5, pages: pageSizes{50, 50}, list: listWithdrawals},
		{path: "/v5/asset/transfer/query-inter-transfer-list", private: true, perSecond: 5, pages: pageSizes{50, 20}, list: listTransfers},
		{path: "/v5/asset/transfer/query-account-coins-balance", private: true, perSecond: 5, serve: serveCoinsBalance},
	}
}

func endpointOf(path string) (endpoint, bool) {
	for _, e := range endpoints() {
		if e.path == path {
			return e, true
		}
	}
	return endpoint{}, false
}
