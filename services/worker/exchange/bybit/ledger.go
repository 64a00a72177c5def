package bybit

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// The books, which are both scopes and the Source of their rows. They overlap:
// an internal transfer is in its own book and in the log of either wallet.
const (
	transactionBook = "transaction_log"
	contractBook    = "contract_log"
	fundingBook     = "funding_log"
	depositBook     = "deposit"
	withdrawalBook  = "withdrawal"
	transferBook    = "transfer"
)

// ledgerPage is the most that every book but the funding wallet's gives; the
// logs' default is 20.
const ledgerPage = 50

// LedgerHistories is the books that an account in this mode has.
func (c *Client) LedgerHistories() []exchange.History {
	books := c.mode.books()
	found := make([]exchange.History, len(books))
	for i, book := range books {
		found[i] = bookHistory(book)
	}
	return found
}

// bookHistory gives the limits of a book. How far back the exchange keeps it is
// documented for the transaction log only.
//
// Deposits, withdrawals and transfers change their status after they came to
// be, so their lag covers the time in which they usually do: a row is read again
// until it is that old.
func bookHistory(book exchange.Scope) exchange.History {
	history := exchange.History{Scope: book, Window: maxWindow, Lag: historyLag}
	switch book {
	case transactionBook:
		history.Depth = historyDepth
	case depositBook:
		history.Window, history.Lag = monthWindow, time.Hour
	case withdrawalBook:
		history.Window, history.Lag = monthWindow, 24*time.Hour
	case transferBook:
		history.Lag = time.Hour
	}
	return history
}

// monthWindow: the span of one query of deposits and withdrawals "should be
// less than 30 days", in whole seconds.
const monthWindow = 30*24*time.Hour - time.Second

// LedgerEntries reads the rows of a book that are dated within the window.
func (c *Client) LedgerEntries(ctx context.Context, scope exchange.Scope, window exchange.Window) exchange.Snapshot[exchange.LedgerEntry] {
	ep, query := bookQuery(string(scope), window)
	walk := past[exchange.LedgerEntry]{endpoint: ep, queries: []url.Values{query}, read: c.session.entryIn(string(scope))}
	return walk.snapshot(ctx, c.session, c.LedgerHistories(), scope, window)
}

func bookQuery(book string, window exchange.Window) (endpoint, url.Values) {
	query := windowQuery(window, ledgerPage)
	switch book {
	case transactionBook:
		query.Set("accountType", "UNIFIED")
		return transactionLog, query
	case contractBook:
		return contractLog, query
	case fundingBook:
		return fundingHistory, fundingQuery(window)
	case withdrawalBook:
		query.Set("withdrawType", "2") // on chain and off chain; the default is the former
		return withdrawalRecords, query
	case depositBook:
		return depositRecords, query
	default:
		return transferRecords, query
	}
}

// entryIn makes the decoder of a book for one walk.
func (s *session) entryIn(book string) decode[exchange.LedgerEntry] {
	switch book {
	case fundingBook:
		return newFundingLog(s).entry
	case depositBook:
		return s.deposit
	case withdrawalBook:
		return s.withdrawal
	case transferBook:
		return s.transfer
	default:
		return func(raw json.RawMessage) (*exchange.LedgerEntry, *exchange.RowFault) { return s.logEntry(raw, book) }
	}
}

// dated refuses an entry that lacks what every row of the ledger must have.
func (s *session) dated(entry exchange.LedgerEntry, raw json.RawMessage) (*exchange.LedgerEntry, *exchange.RowFault) {
	switch {
	case entry.OccurredAt.IsZero():
		return nil, s.rowFault(raw, entry.Key(), "the row has no time")
	case entry.Asset == "":
		return nil, s.rowFault(raw, entry.Key(), "the row names no coin")
	default:
		return &entry, nil
	}
}
