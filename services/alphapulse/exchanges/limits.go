package exchanges

import "github.com/alphapulse/alphapulse/shared/syncjob"

// Limit is how fast one account's history may be read at best: so many requests
// a second, each answered with a full page.
type Limit struct {
	Requests float64 // per second and account, of this type's endpoint alone
	Page     float64 // rows of a full page
}

// Rows is how many rows a second the limit allows.
func (l Limit) Rows() float64 { return l.Requests * l.Page }

// AddressRequests is how many requests a second the exchange allows one address,
// over all accounts and endpoints; 0: not known. Bybit: 600 in 5 s
// (https://bybit-exchange.github.io/docs/v5/rate-limit).
func AddressRequests(exchange string) float64 {
	if exchange != Bybit {
		return 0
	}
	return 120
}

// HistoryLimit is the limit of a history. ok is false where it is not known.
//
// The numbers are Bybit's documented limits of order/history, execution/list,
// transaction-log (the widest book of the ledger) and closed-pnl, and the
// longest page of each (https://bybit-exchange.github.io/docs/v5/rate-limit).
func HistoryLimit(exchange string, t syncjob.DataType) (limit Limit, ok bool) {
	if exchange != Bybit {
		return Limit{}, false
	}
	limit, ok = map[syncjob.DataType]Limit{
		syncjob.Orders:    {Requests: 50, Page: 50},
		syncjob.Fills:     {Requests: 50, Page: 100},
		syncjob.Ledger:    {Requests: 25, Page: 50},
		syncjob.ClosedPnL: {Requests: 50, Page: 100},
	}[t]
	return limit, ok
}
