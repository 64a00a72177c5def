package exchangetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// result is a snapshot of any kind of row.
type result struct {
	scope    exchange.Scope
	asOf     time.Time
	rows     []exchange.Keyed
	faults   []exchange.RowFault
	complete bool
	err      *exchange.Error
}

func flatten[T exchange.Keyed](s exchange.Snapshot[T]) result {
	got := result{scope: s.Scope, asOf: s.AsOf, faults: s.Faults, complete: s.Complete, err: s.Err}
	for _, row := range s.Rows {
		got.rows = append(got.rows, row)
	}
	return got
}

// whole reports what keeps a result from being a complete one without faults.
func (g result) whole() error {
	switch {
	case g.err != nil:
		return fmt.Errorf("it ended with an error: %w", g.err)
	case !g.complete:
		return errors.New("it is not Complete and has no Err that says why")
	case len(g.faults) > 0:
		return fmt.Errorf("it has %d faults, the first in row %q: %s", len(g.faults), g.faults[0].Key, g.faults[0].Reason)
	default:
		return nil
	}
}

// ended reports what keeps a result from having ended with an error of a class.
func (g result) ended(class exchange.Class) error {
	switch {
	case g.err == nil:
		return fmt.Errorf("it has no error, and one of class %s was due", class)
	case g.complete:
		return errors.New("it is Complete although it has an Err")
	case g.err.Class != class:
		return fmt.Errorf("the class is %s, not %s: %w", g.err.Class, class, g.err)
	default:
		return nil
	}
}

// holds compares the rows with what they must be, whatever their order.
func (g result) holds(want []placed) error {
	got := map[string]exchange.Keyed{}
	var faults []error
	for _, row := range g.rows {
		if _, twice := got[row.Key()]; twice {
			faults = append(faults, fmt.Errorf("row %q is there twice", row.Key()))
		}
		got[row.Key()] = row
		faults = append(faults, undecimal(row))
	}
	for _, w := range want {
		row, found := got[w.Row.Key()]
		if !found {
			faults = append(faults, fmt.Errorf("row %q is missing", w.Row.Key()))
			continue
		}
		delete(got, w.Row.Key())
		faults = append(faults, differ(row, w.Row))
	}
	for key := range got {
		faults = append(faults, fmt.Errorf("row %q is not one of what was asked for", key))
	}
	return errors.Join(faults...)
}

// has reports whether a row with this key is there.
func (g result) has(key string) bool {
	return slices.ContainsFunc(g.rows, func(row exchange.Keyed) bool { return row.Key() == key })
}
