package exchangesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// outcome is how an answer is counted.
func (c *call) outcome(a answer) string {
	if a.recorded != nil {
		return "replayed"
	}
	for _, f := range c.faults {
		switch f.Kind {
		case FaultHTML, FaultTruncate, FaultMalformed, FaultShape:
			return "fault " + string(f.Kind)
		default:
		}
	}
	return "ok"
}

// deliver sends an answer, garbled as the faults demand.
func (c *call) deliver(a answer) {
	if a.recorded != nil {
		a.recorded.send(c)
		return
	}
	c.stamp()
	body := c.body(a)
	for _, f := range c.faults {
		switch f.Kind {
		case FaultHTML:
			html := "<html>maintenance</html>"
			c.w.Header().Set("Content-Type", "text/html")
			c.w.Header().Set("Content-Length", strconv.Itoa(len(html)))
			_, _ = c.w.Write([]byte(html))
			return
		case FaultTruncate:
			c.truncate(body)
		case FaultMalformed:
			body = append(body[:len(body)/2:len(body)/2], `,"list":[{]`...)
		case FaultShape:
			body = encode(envelope{RetMsg: a.message, Result: map[string]any{"list": "none"}, RetExtInfo: empty{}, Time: c.dated()})
		case FaultEmpty, FaultSkipRows, FaultBadRow, FaultWrongType, FaultUnknownStatus, FaultKeylessRow:
			body = garbleRows(c.path, body, f)
		default:
		}
	}
	writeJSON(c.w, http.StatusOK, body)
}

// body is an answer in its envelope.
func (c *call) body(a answer) []byte {
	result, ok := a.result.(rendered)
	if !ok {
		return encode(envelope{RetMsg: a.message, Result: a.result, RetExtInfo: empty{}, Time: c.dated()})
	}
	body := make([]byte, 0, len(result)+96)
	body = append(body, `{"retCode":0,"retMsg":`...)
	body = strconv.AppendQuote(body, a.message)
	body = append(body, `,"result":`...)
	body = append(body, result...)
	body = append(body, `,"retExtInfo":{},"time":`...)
	body = strconv.AppendInt(body, c.dated(), 10)
	return append(body, '}')
}

// truncate announces the whole body, sends half of it and drops the connection.
func (c *call) truncate(body []byte) {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = c.w.Write(body[:len(body)/2])
	_ = http.NewResponseController(c.w).Flush()
	panic(http.ErrAbortHandler)
}

// rowShape names the list of an answer and the parts of a row that faults
// garble: its key, a number, and its status (or what kind of row it is).
type rowShape struct{ list, key, number, status string }

func shapeOf(path string) rowShape {
	switch path {
	case "/v5/account/wallet-balance":
		return rowShape{"list", "coin", "walletBalance", "coin"}
	case "/v5/position/list":
		return rowShape{"list", "symbol", "size", "positionStatus"}
	case "/v5/market/tickers":
		return rowShape{"list", "symbol", "lastPrice", "symbol"}
	case "/v5/execution/list":
		return rowShape{"list", "execId", "execQty", "execType"}
	case "/v5/account/transaction-log", "/v5/account/contract-transaction-log":
		return rowShape{"list", "id", "change", "type"}
	case "/v5/position/closed-pnl":
		return rowShape{"list", "orderId", "closedPnl", "execType"}
	case "/v5/asset/fundinghistory":
		return rowShape{"list", "currency", "txnAmt", "showBusiTypeEn"}
	case "/v5/asset/deposit/query-record":
		return rowShape{"rows", "txID", "amount", "depositType"}
	case "/v5/asset/withdraw/query-record":
		return rowShape{"rows", "withdrawId", "amount", "status"}
	case "/v5/asset/transfer/query-inter-transfer-list":
		return rowShape{"list", "transferId", "amount", "status"}
	case "/v5/asset/transfer/query-account-coins-balance":
		return rowShape{"balance", "coin", "walletBalance", "coin"}
	case "/v5/market/instruments-info":
		return rowShape{"list", "symbol", "priceFilter", "status"}
	default:
		return rowShape{"list", "orderId", "qty", "orderStatus"}
	}
}

// garbleRows rewrites the list of an answer; the rows of a wallet are its
// coins. Answers without a list pass unchanged.
func garbleRows(path string, body []byte, f Fault) []byte {
	var whole map[string]any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // seq does not survive a float
	if err := dec.Decode(&whole); err != nil {
		panic(fmt.Sprintf("decoding an answer of our own: %v", err))
	}
	result, _ := whole["result"].(map[string]any)
	shape := shapeOf(path)
	list, ok := result[shape.list].([]any)
	if !ok {
		return body
	}
	holder, name := result, shape.list
	if path == "/v5/account/wallet-balance" && f.Kind != FaultEmpty && len(list) > 0 {
		holder, name = list[0].(map[string]any), "coin"
		list, _ = holder[name].([]any)
	}
	holder[name] = garbled(list, shape, f)
	return encode(whole)
}

func garbled(list []any, shape rowShape, f Fault) []any {
	switch f.Kind {
	case FaultEmpty:
		return []any{}
	case FaultSkipRows:
		return list[min(f.number(), len(list)):]
	default:
	}
	for i, item := range list {
		switch row := item.(type) {
		case map[string]any:
			if f.means(row[shape.key], i) {
				f.garble(row, shape)
			}
		case []any: // a candle
			if f.means(row[0], i) {
				f.garbleCandle(row)
			}
		}
	}
	return list
}

// rowByKey begins a Value that names a row by its key instead of its place.
const rowByKey = "key="

// means tells whether a row is the one that Value names.
func (f Fault) means(key any, place int) bool {
	want, byKey := strings.CutPrefix(f.Value, rowByKey)
	if !byKey {
		return place == f.number()
	}
	return key == want
}

// garbleCandle: a candle's key comes first, then its numbers; it has no status.
func (f Fault) garbleCandle(row []any) {
	switch f.Kind {
	case FaultBadRow:
		row[1] = "not a number"
	case FaultWrongType:
		row[1] = map[string]any{"amount": row[1]}
	case FaultKeylessRow:
		row[0] = ""
	default:
	}
}

func (f Fault) garble(row map[string]any, shape rowShape) {
	switch f.Kind {
	case FaultBadRow:
		row[shape.number] = "not a number"
	case FaultWrongType:
		row[shape.number] = map[string]any{"amount": []any{row[shape.number]}}
	case FaultUnknownStatus:
		row[shape.status] = "AddedNextMonth"
	default:
		delete(row, shape.key)
	}
}
