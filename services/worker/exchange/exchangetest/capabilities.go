package exchangetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// capable looks at scopes and histories twice, at those of one value and of
// another.
func capable(_ context.Context, x Exchange) error {
	s, err := bench{exchange: x}.scene(nil, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	first, err := readersOf(x, s.account, s.market)
	if err != nil {
		return err
	}
	again, err := readersOf(x, s.account, s.market)
	if err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	other, err := readersOf(x, s.account, s.market)
	if err != nil {
		return err
	}
	faults := []error{same(first, again, "asked twice"), same(first, other, "asked of another value")}
	return errors.Join(append(faults, sane(first)...)...)
}

func same(a, b []reader, how string) error {
	if len(a) != len(b) {
		return fmt.Errorf("scopes, %s: %d and then %d", how, len(a), len(b))
	}
	for i := range a {
		if a[i].String() != b[i].String() {
			return fmt.Errorf("scopes, %s: %s, and then %s in its place", how, a[i], b[i])
		}
	}
	return nil
}

func sane(readers []reader) []error {
	var faults []error
	seen := map[string]bool{}
	for _, r := range readers {
		if r.scope == "" {
			faults = append(faults, fmt.Errorf("%s: a scope is empty", r.reading))
		}
		if seen[r.String()] {
			faults = append(faults, fmt.Errorf("%s: the scope is there twice", r))
		}
		seen[r.String()] = true
		if r.history != nil {
			faults = append(faults, saneHistory(r, *r.history))
		}
	}
	return faults
}

func saneHistory(r reader, h exchange.History) error {
	switch {
	case h.Window <= 0:
		return fmt.Errorf("%s: the window is %s, so nothing can be asked for", r, h.Window)
	case h.Lag < 0:
		return fmt.Errorf("%s: the lag is %s", r, h.Lag)
	case h.Depth < 0:
		return fmt.Errorf("%s: the depth is %s", r, h.Depth)
	case h.Depth > 0 && h.Depth <= h.Lag:
		return fmt.Errorf("%s: the depth of %s is within the lag of %s, so nothing ever counts as read", r, h.Depth, h.Lag)
	default:
		return nil
	}
}

// implements looks for what both results have beside their readers.
func implements(_ context.Context, x Exchange) error {
	s, err := bench{exchange: x}.scene(nil, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	var faults []error
	for _, from := range []any{s.account, s.market} {
		if keeper, ok := from.(exchange.Timekeeper); !ok || keeper.Clock() == nil {
			faults = append(faults, fmt.Errorf("%T has no clock: exchange.Timekeeper", from))
		}
		parser, ok := from.(exchange.Reparser)
		if !ok {
			faults = append(faults, fmt.Errorf("%T does not implement exchange.Reparser", from))
			continue
		}
		if row, fault := parser.Reparse("no such type", "no such scope", []byte(`{}`)); row != nil || fault == nil {
			faults = append(faults, fmt.Errorf("%T reads a row of no type that there is", from))
		}
	}
	return errors.Join(faults...)
}
