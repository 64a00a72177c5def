package syncjob

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// DataType is a kind of data that is synchronized on its own: own jobs, own
// queue, own workers.
type DataType string

// The data types that exist. Probe is internal: it asks the exchange who a key
// belongs to and what it may do, before anything else of an account is read.
const (
	Balances    DataType = "balances"
	Positions   DataType = "positions"
	Orders      DataType = "orders"
	Prices      DataType = "prices"
	Fills       DataType = "fills"
	Ledger      DataType = "ledger"
	ClosedPnL   DataType = "closed_pnl"
	Candles     DataType = "candles"
	Instruments DataType = "instruments"
	Probe       DataType = "probe"
)

// All is the list that "all" stands for.
func All() []DataType { return []DataType{Balances, Positions, Orders, Prices} }

// Requestable lists every data type that may be asked for by name.
func Requestable() []DataType {
	return append(All(), Fills, Ledger, ClosedPnL, Candles, Instruments)
}

// Known lists every data type that has a queue, Probe included.
func Known() []DataType { return append(Requestable(), Probe) }

// Histories lists the types that are read window by window and whose coverage
// is kept: what lies in the past and does not change any more.
func Histories() []DataType { return []DataType{Orders, Fills, Ledger, ClosedPnL} }

// Shared reports whether a data type belongs to a market and not to an
// account: it needs no key and serves all accounts of the market.
func (d DataType) Shared() bool { return d == Prices || d == Candles || d == Instruments }

// History reports whether d is one of Histories.
func (d DataType) History() bool { return slices.Contains(Histories(), d) }

// Cadence is how often a data type is synchronized unless its schedule says
// otherwise. A probe looks once a day whether the key still holds.
func (d DataType) Cadence() time.Duration {
	switch d {
	case Prices:
		return 15 * time.Second
	case Positions, Orders:
		return 30 * time.Second
	case Balances, Fills, Candles:
		return time.Minute
	case Ledger, ClosedPnL:
		return 5 * time.Minute
	case Instruments:
		return time.Hour
	case Probe:
		return 24 * time.Hour
	default:
		return 0
	}
}

// ParseTypes reads a comma-separated list of data types, or "all". The result
// is free of duplicates and in the order of Requestable. The error names the words
// that are not data types, and those that are.
func ParseTypes(list string) ([]DataType, error) {
	var asked []DataType
	var unknown []string
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		switch {
		case word == "all":
			asked = append(asked, All()...)
		case slices.Contains(Requestable(), DataType(word)):
			asked = append(asked, DataType(word))
		default:
			unknown = append(unknown, fmt.Sprintf("%q", word))
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("unknown data type %s: known are %s, and all",
			strings.Join(unknown, ", "), JoinTypes(Requestable()))
	}
	return Normalize(asked), nil
}

// Normalize drops duplicates and puts types in the order of Known.
func Normalize(types []DataType) []DataType {
	var ordered []DataType
	for _, known := range Known() {
		if slices.Contains(types, known) {
			ordered = append(ordered, known)
		}
	}
	return ordered
}

// JoinTypes writes types as a comma-separated list.
func JoinTypes(types []DataType) string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = string(t)
	}
	return strings.Join(words, ",")
}
