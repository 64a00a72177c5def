package exchangetest

import (
	"net/http"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Reading names what one reader reads.
type Reading string

// The readings. The last three have no Rows: they are tried with refusals only.
const (
	Balances     Reading = "balances"
	Positions    Reading = "positions"
	OpenOrders   Reading = "open_orders"
	ClosedOrders Reading = "closed_orders"
	Fills        Reading = "fills"
	Ledger       Reading = "ledger"
	ClosedPnL    Reading = "closed_pnl"
	Prices       Reading = "prices"
	Instruments  Reading = "instruments"
	Candles      Reading = "candles"

	Probe       Reading = "probe"
	OneOrder    Reading = "one_order"
	SubAccounts Reading = "sub_accounts"
)

// dataType is the name that exchange.Reparser knows the rows by.
func (r Reading) dataType() string {
	switch r {
	case OpenOrders, ClosedOrders:
		return "orders"
	default:
		return string(r)
	}
}

// Question is what a request asks for.
type Question struct {
	// Reading is empty for a request that asks for no rows.
	Reading Reading
	Scope   exchange.Scope
	// Window is what the request bounds the rows by, half open whatever the
	// exchange's own bounds are; zero: it does not.
	Window exchange.Window
	// Page is the number that Answer gave as Next; 0 for the first.
	Page int
	// Limit is the most rows that the request wants; 0: it does not say.
	Limit int
}

// Page is one page of an answer.
type Page struct {
	Question Question
	Rows     [][]byte
	// Next is the page that follows; negative: none. It is written as the
	// exchange writes where to go on, best with every character in it that
	// needs care.
	Next int
	// At is the exchange's clock.
	At time.Time
}

// Answer is an HTTP answer. Status 0 is 200.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Wire is the exchange's side of the conversation.
type Wire interface {
	Asked(r *http.Request) Question
	Page(p Page) Answer
}
