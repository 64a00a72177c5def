package bybit

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Reparse reads a row of the account's data again from what RowFault.Payload
// kept of it, by the decoders of the walks. The scope is the snapshot's. It need
// not be one that the account still has.
//
// What a row owes to the rest of its walk it lacks here: a balance has no
// Available under isolated margin, an order that ended has no Scope, and of rows
// of the funding log that are equal in every field it is the first.
func (c *Client) Reparse(dataType string, scope exchange.Scope, payload []byte) (exchange.Keyed, *exchange.RowFault) {
	category, _ := cut(scope)
	products := []string{spot, linear, inverse, option}
	switch dataType {
	case "balances":
		return reparse(c.session, payload, c.walletIn(scope), slices.Contains([]string{unified, contract, spot, fund}, string(scope)))
	case "positions":
		return reparse(c.session, payload, c.session.positionIn(scope), slices.Contains(products, category))
	case "orders":
		return reparse(c.session, payload, c.storedOrderIn(scope), slices.Contains(products, category))
	case "fills":
		return reparse(c.session, payload, c.fillIn(scope), slices.Contains(products, category))
	case "ledger":
		books := []string{transactionBook, contractBook, fundingBook, depositBook, withdrawalBook, transferBook}
		return reparse(c.session, payload, c.session.entryIn(string(scope)), slices.Contains(books, string(scope)))
	case "closed_pnl":
		return reparse(c.session, payload, c.session.closedPnLIn(category), slices.Contains(products, category))
	default:
		return nil, noReader(c.session, dataType, payload)
	}
}

// Reparse reads a row of the market's data again, as Client.Reparse does.
func (m *Market) Reparse(dataType string, scope exchange.Scope, payload []byte) (exchange.Keyed, *exchange.RowFault) {
	category, _ := cut(scope)
	known := slices.Contains([]string{spot, linear, inverse, option}, category)
	switch dataType {
	case "prices":
		return reparse(m.session, payload, m.session.priceIn(category), known)
	case "instruments":
		return reparse(m.session, payload, m.session.instrumentIn(category), known)
	case "candles":
		read, known := m.candleIn(scope)
		return reparse(m.session, payload, read, known)
	default:
		return nil, noReader(m.session, dataType, payload)
	}
}

func reparse[T exchange.Keyed](s *session, payload []byte, read decode[T], known bool) (exchange.Keyed, *exchange.RowFault) {
	if !known {
		return nil, s.rowFault(payload, "", "rows of this scope are not read from Bybit")
	}
	if wasCut(payload) {
		return nil, s.rowFault(payload, "", "the row was too long to be kept whole and cannot be read again; sync the account to get it anew")
	}
	row, fault := read(payload)
	if row == nil {
		return nil, fault
	}
	return *row, nil
}

func noReader(s *session, dataType string, payload []byte) *exchange.RowFault {
	return s.rowFault(payload, "", fmt.Sprintf("rows of %q are not read here", dataType))
}

func (c *Client) walletIn(scope exchange.Scope) decode[exchange.Balance] {
	if scope == fund {
		return c.session.fundBalance
	}
	return c.session.balanceIn(string(scope), false)
}

// storedOrderIn tells an order of an open-order walk, which keeps its scope,
// from one of the history. They share most scopes; then the status tells.
func (c *Client) storedOrderIn(scope exchange.Scope) decode[exchange.Order] {
	category, coin := cut(scope)
	return func(raw json.RawMessage) (*exchange.Order, *exchange.RowFault) {
		order, fault := c.session.order(raw, category, scope)
		if order != nil && coin == "" && !isOpen(order.Status) {
			order.Scope = ""
		}
		return order, fault
	}
}

// candleIn reads a bar that was final when it was kept, or is by now.
func (m *Market) candleIn(scope exchange.Scope) (decode[exchange.Candle], bool) {
	series, parsed := parseSeries(scope)
	length, fault := intervalOf(series)
	bars := bars{session: m.session, series: series, interval: length, now: m.session.host.Clock.Now}
	return bars.candle, parsed && fault == nil
}
