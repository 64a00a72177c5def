package bybit

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/exchange/exchangetest"
)

// contractWire is the exchange's format for the conformance suite.
type contractWire struct{}

// contractCursor has the characters that cursors of the exchange have.
const contractCursor = "page_args%%3D%d%%26symbol%%3D6+/=%%26"

func (contractWire) Asked(r *http.Request) exchangetest.Question {
	query := r.URL.Query()
	asked := exchangetest.Question{}
	asked.Reading, asked.Scope = askedOf(endpoint(r.URL.Path), query)
	asked.Limit, _ = strconv.Atoi(query.Get("limit"))
	_, _ = fmt.Sscanf(query.Get("cursor"), contractCursor, &asked.Page)
	asked.Window = askedWindow(query)
	return asked
}

func askedOf(ep endpoint, query url.Values) (exchangetest.Reading, exchange.Scope) {
	category := query.Get("category")
	if query.Get("orderId") != "" {
		return exchangetest.OneOrder, exchange.Scope(category)
	}
	coin := query.Get("settleCoin") + query.Get("baseCoin")
	scope := exchange.Scope(category)
	if coin != "" {
		scope = join(category, coin)
	}
	switch ep {
	case walletBalance:
		return exchangetest.Balances, map[string]exchange.Scope{"UNIFIED": unified, "CONTRACT": contract, "SPOT": spot}[query.Get("accountType")]
	case coinBalances:
		return exchangetest.Balances, fund
	case positionList:
		return exchangetest.Positions, scope
	case orderRealtime:
		return exchangetest.OpenOrders, scope
	case orderHistory:
		return exchangetest.ClosedOrders, scope
	case executionList:
		return exchangetest.Fills, scope
	case closedPnLRecords:
		return exchangetest.ClosedPnL, scope
	case tickers:
		return exchangetest.Prices, scope
	case instrumentsInfo:
		return exchangetest.Instruments, scope
	case kline:
		return exchangetest.Candles, exchange.Series{Category: category, Symbol: query.Get("symbol"), Interval: query.Get("interval")}.Scope()
	case apiKeyInfo:
		return exchangetest.Probe, "key"
	case subMembers:
		return exchangetest.SubAccounts, "master"
	default:
		return askedBook(ep)
	}
}

func askedBook(ep endpoint) (exchangetest.Reading, exchange.Scope) {
	book := map[endpoint]exchange.Scope{
		transactionLog: transactionBook, contractLog: contractBook, fundingHistory: fundingBook,
		depositRecords: depositBook, withdrawalRecords: withdrawalBook, transferRecords: transferBook,
	}[ep]
	if book == "" {
		return "", ""
	}
	return exchangetest.Ledger, book
}

// askedWindow takes both bounds as included, as the stand-in does.
func askedWindow(query url.Values) exchange.Window {
	for _, names := range []struct {
		from, to string
		unit     time.Duration
	}{{"startTime", "endTime", time.Millisecond}, {"start", "end", time.Millisecond}, {"createTimeFrom", "createTimeTo", time.Second}} {
		if !query.Has(names.from) {
			continue
		}
		from, _ := strconv.ParseInt(query.Get(names.from), 10, 64)
		to, _ := strconv.ParseInt(query.Get(names.to), 10, 64)
		return exchange.Window{From: time.Unix(0, from*int64(names.unit)), To: time.Unix(0, (to+1)*int64(names.unit))}
	}
	return exchange.Window{}
}

func (contractWire) Page(p exchangetest.Page) exchangetest.Answer {
	list := "[" + string(bytes.Join(p.Rows, []byte(","))) + "]"
	cursor := ""
	if p.Next >= 0 {
		cursor = fmt.Sprintf(contractCursor, p.Next)
	}
	result := fmt.Sprintf(`{"list":%s,"nextPageCursor":%q}`, list, cursor)
	switch q := p.Question; {
	case q.Reading == exchangetest.Balances && q.Scope == fund:
		result = `{"memberId":"1","accountType":"FUND","balance":` + list + `}`
	case q.Reading == exchangetest.Balances:
		result = `{"list":[{"accountType":"` + accountTypeOf(string(q.Scope)) + `","totalAvailableBalance":"1","coin":` + list + `}]}`
	case q.Scope == depositBook, q.Scope == withdrawalBook:
		result = fmt.Sprintf(`{"rows":%s,"nextPageCursor":%q}`, list, cursor)
	case q.Reading == exchangetest.SubAccounts:
		result = `{"subMembers":` + list + `}`
	case q.Reading == exchangetest.Probe:
		result = `{"userID":20304050,"readOnly":1,"permissions":{},"uta":1}`
	}
	return enveloped(0, "OK", result, p.At)
}
