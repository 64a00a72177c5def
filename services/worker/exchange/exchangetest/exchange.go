package exchangetest

import (
	"net/http"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// Exchange is what the author of an adapter says of it and of its exchange.
type Exchange struct {
	// New makes the adapter. It must send all its requests through the hosts.
	New func(hosts *exchange.Hosts) (exchange.Adapter, error)
	// Target is an account that the adapter accepts; the suite puts its own
	// base URL and UID in. An exchange whose scopes depend on the mode of the
	// account is run once for each mode, with Only.
	Target exchange.Target
	// Only picks the readers to be tried one by one; nil: all. In a second mode
	// of an exchange it spares those that are the same as in the first.
	Only func(reading Reading, scope exchange.Scope) bool
	// Credentials are of a form that the adapter accepts. They are searched for
	// in all that it says, so they must not be contained in anything else.
	Credentials exchange.Credentials
	Wire        Wire
	// Other answers what asks for no rows: the exchange's clock and the like.
	Other func(r *http.Request, now time.Time) Answer
	// Accept says why the exchange would not accept a request: its signature,
	// its timestamp. Nil: everything is accepted.
	Accept func(r *http.Request) error
	// Hidden are the secrets that a request carries besides the credentials:
	// its signature. Nil: none.
	Hidden func(r *http.Request) []string
	// Rows has one entry for each reader that the adapter's results implement.
	Rows []Rows
	// Series are what candles are read of, by an adapter that has them.
	Series []exchange.Series
	// Refusals has at least one entry for each class of exchange/errors.go but
	// Incomplete, and those that are listed in Never.
	Refusals []Refusal
	// Never lists the classes that no answer of the exchange belongs to.
	Never []exchange.Class

	patience time.Duration // 0: usualPatience
}

// Rows says what the rows of one reading look like on the wire.
type Rows struct {
	Reading Reading
	// Sample makes one row, the same for the same wish. Two of a scope that
	// differ in N and At have different keys.
	Sample func(Wish) Sample
	// Spoil makes one of the row's numbers a value of a wrong type, and Strip
	// takes away what its key is made of. Spoil gives nil for a row that has no
	// number outside of its key.
	Spoil, Strip func(payload []byte) []byte
	// Single: the exchange gives everything in one answer.
	Single bool
	// Step is the smallest distance of two times in this scope's rows; nil: a
	// millisecond.
	Step func(scope exchange.Scope) time.Duration
}

// Wish is which row the suite wants.
type Wish struct {
	Scope exchange.Scope
	N     int
	// At is when the row came to be: what the exchange's windows go by.
	At time.Time
	// Number stands, as it is, in as many fields of the row that hold a decimal
	// as may have any value.
	Number string
}

// Sample is a row as the exchange sends it, a JSON value, and what the adapter
// must read from it: one of the types of package exchange, not a pointer.
type Sample struct {
	Payload []byte
	Row     exchange.Keyed
}

// Refusal is one way in which the exchange does not give what it was asked for.
type Refusal struct {
	Name  string
	Class exchange.Class
	// Answer is what the exchange sends. It quotes said wherever it can quote
	// what it was sent; said can stand in a JSON string as it is.
	Answer func(now time.Time, said string) Answer
	// Other replaces Exchange.Other while the exchange refuses like this; nil,
	// or an answer without a body: it does not.
	Other func(r *http.Request, now time.Time) Answer
	// Wait is when, from now, the exchange would accept the request again, if
	// that can be known from the answer; 0: it cannot.
	Wait time.Duration
}

func (x Exchange) step(r Rows, scope exchange.Scope) time.Duration {
	if r.Step == nil {
		return time.Millisecond
	}
	return r.Step(scope)
}

func (x Exchange) rows(reading Reading) (Rows, bool) {
	for _, rows := range x.Rows {
		if rows.Reading == reading {
			return rows, true
		}
	}
	return Rows{}, false
}

// refusal gives the first of a class.
func (x Exchange) refusal(class exchange.Class) (Refusal, bool) {
	for _, r := range x.Refusals {
		if r.Class == class {
			return r, true
		}
	}
	return Refusal{}, false
}
