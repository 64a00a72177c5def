package exchangesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
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
	body := encode(envelope{RetMsg: a.message, Result: a.result, RetExtInfo: empty{}, Time: c.dated()})
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
		case FaultEmpty, FaultSkipRows, FaultBadRow, FaultKeylessRow:
			body = garbleRows(c.path, body, f)
		default:
		}
	}
	writeJSON(c.w, http.StatusOK, body)
}

// truncate announces the whole body, sends half of it and drops the connection.
func (c *call) truncate(body []byte) {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = c.w.Write(body[:len(body)/2])
	_ = http.NewResponseController(c.w).Flush()
	panic(http.ErrAbortHandler)
}

// rowShape names the parts of a row that faults garble.
type rowShape struct{ key, number string }

func shapeOf(path string) rowShape {
	switch path {
	case "/v5/account/wallet-balance":
		return rowShape{"coin", "walletBalance"}
	case "/v5/position/list":
		return rowShape{"symbol", "size"}
	case "/v5/market/tickers":
		return rowShape{"symbol", "lastPrice"}
	case "/v5/market/instruments-info":
		return rowShape{"symbol", "priceFilter"}
	default:
		return rowShape{"orderId", "qty"}
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
	list, ok := result["list"].([]any)
	if !ok {
		return body
	}
	holder, name := result, "list"
	if path == "/v5/account/wallet-balance" && f.Kind != FaultEmpty && len(list) > 0 {
		holder, name = list[0].(map[string]any), "coin"
		list, _ = holder[name].([]any)
	}
	holder[name] = garbled(list, shapeOf(path), f)
	return encode(whole)
}

func garbled(list []any, shape rowShape, f Fault) []any {
	switch n := f.number(); {
	case f.Kind == FaultEmpty:
		return []any{}
	case f.Kind == FaultSkipRows:
		return list[min(n, len(list)):]
	case n < len(list):
		switch row := list[n].(type) {
		case map[string]any:
			if f.Kind == FaultBadRow {
				row[shape.number] = "not a number"
			} else {
				delete(row, shape.key)
			}
		case []any: // a candle: its key comes first, then its numbers
			if f.Kind == FaultBadRow {
				row[1] = "not a number"
			} else {
				row[0] = ""
			}
		}
	}
	return list
}
