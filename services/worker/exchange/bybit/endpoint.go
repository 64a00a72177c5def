package bybit

import "strings"

// endpoint is a path of the V5 API. The exchange counts its limits by it.
type endpoint string

const (
	serverTime        endpoint = "/v5/market/time"
	tickers           endpoint = "/v5/market/tickers"
	systemStatus      endpoint = "/v5/system/status"
	instrumentsInfo   endpoint = "/v5/market/instruments-info"
	kline             endpoint = "/v5/market/kline"
	apiKeyInfo        endpoint = "/v5/user/query-api"
	subMembers        endpoint = "/v5/user/query-sub-members"
	accountInfo       endpoint = "/v5/account/info"
	walletBalance     endpoint = "/v5/account/wallet-balance"
	transactionLog    endpoint = "/v5/account/transaction-log"
	contractLog       endpoint = "/v5/account/contract-transaction-log"
	coinBalances      endpoint = "/v5/asset/transfer/query-account-coins-balance"
	fundingHistory    endpoint = "/v5/asset/fundinghistory"
	depositRecords    endpoint = "/v5/asset/deposit/query-record"
	withdrawalRecords endpoint = "/v5/asset/withdraw/query-record"
	transferRecords   endpoint = "/v5/asset/transfer/query-inter-transfer-list"
	positionList      endpoint = "/v5/position/list"
	closedPnLRecords  endpoint = "/v5/position/closed-pnl"
	orderRealtime     endpoint = "/v5/order/realtime"
	orderHistory      endpoint = "/v5/order/history"
	executionList     endpoint = "/v5/execution/list"
)

// reading says in an error what was being done.
func (e endpoint) reading() string {
	if e.public() {
		return e.readingMarket()
	}
	if strings.HasPrefix(string(e), "/v5/asset/") {
		return e.readingAssets()
	}
	switch e {
	case apiKeyInfo:
		return "reading the key's permissions"
	case subMembers:
		return "reading the sub-accounts"
	case accountInfo:
		return "reading the account's mode"
	case walletBalance:
		return "reading the wallet balance"
	case transactionLog:
		return "reading the transaction log"
	case contractLog:
		return "reading the contract wallet's transaction log"
	case positionList:
		return "reading positions"
	case closedPnLRecords:
		return "reading the closed profit and loss"
	case orderRealtime:
		return "reading open orders"
	case orderHistory:
		return "reading the order history"
	case executionList:
		return "reading executions"
	default:
		return "reading " + string(e)
	}
}

func (e endpoint) readingMarket() string {
	switch e {
	case tickers:
		return "reading tickers"
	case instrumentsInfo:
		return "reading instruments"
	case kline:
		return "reading candles"
	case systemStatus:
		return "reading announcements of maintenance"
	default:
		return "reading the exchange's clock"
	}
}

func (e endpoint) readingAssets() string {
	switch e {
	case coinBalances:
		return "reading the funding wallet's balance"
	case fundingHistory:
		return "reading the funding wallet's history"
	case depositRecords:
		return "reading deposits"
	case withdrawalRecords:
		return "reading withdrawals"
	case transferRecords:
		return "reading internal transfers"
	default:
		return "reading " + string(e)
	}
}

// public reports whether the endpoint answers without a key.
func (e endpoint) public() bool {
	return e == systemStatus || strings.HasPrefix(string(e), "/v5/market/")
}

// inDemo reports whether the demo environment has the endpoint. What it does
// not have it answers with 10032, or with the 10001 of a wrong parameter.
func (e endpoint) inDemo() bool {
	return e != subMembers && e != contractLog && !strings.HasPrefix(string(e), "/v5/asset/")
}
