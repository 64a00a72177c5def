package bybit

// endpoint is a path of the V5 API. The exchange counts its limits by it.
type endpoint string

const (
	serverTime    endpoint = "/v5/market/time"
	tickers       endpoint = "/v5/market/tickers"
	apiKeyInfo    endpoint = "/v5/user/query-api"
	accountInfo   endpoint = "/v5/account/info"
	walletBalance endpoint = "/v5/account/wallet-balance"
	positionList  endpoint = "/v5/position/list"
	orderRealtime endpoint = "/v5/order/realtime"
	orderHistory  endpoint = "/v5/order/history"
)

// reading says in an error what was being done.
func (e endpoint) reading() string {
	switch e {
	case serverTime:
		return "reading the exchange's clock"
	case tickers:
		return "reading tickers"
	case apiKeyInfo:
		return "reading the key's permissions"
	case accountInfo:
		return "reading the account's mode"
	case walletBalance:
		return "reading the wallet balance"
	case positionList:
		return "reading positions"
	case orderRealtime:
		return "reading open orders"
	case orderHistory:
		return "reading the order history"
	default:
		return "reading " + string(e)
	}
}

// public reports whether the endpoint answers without a key.
func (e endpoint) public() bool { return e == serverTime || e == tickers }
