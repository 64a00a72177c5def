package exchangetest

import (
	"context"
	"errors"
	"fmt"
)

func numberChecks() []check {
	return []check{
		{name: "numbers come as they were sent", run: exact},
		{name: "no number is none, and not zero", run: noNumber},
		{name: "what is no number makes its row a fault", run: unreadable},
	}
}

// extremes are decimals that a float, or a decimal of a fixed size, changes.
func extremes() []string {
	return []string{
		"0.000000012345", "123456789012.5", "0.123456789012345678", "9007199254740993", "-9007199254740993",
		"100000000000000000000000000000.1", "-0.000000000000000001", "1.10", "0", "0.00", "1000000", "0.1000000000000000055",
	}
}

func exact(ctx context.Context, b bench) error {
	var rows []placed
	for i, number := range extremes() {
		rows = append(rows, b.row(i, b.some(i + 1)[i].at, number))
	}
	return b.reads(ctx, rows, nil, func(_ *scene, got result) error {
		return errors.Join(got.whole(), got.holds(rows))
	})
}

func noNumber(ctx context.Context, b bench) error {
	rows := []placed{b.row(0, b.window.From, "")}
	return b.reads(ctx, rows, nil, func(_ *scene, got result) error {
		return errors.Join(got.whole(), got.holds(rows))
	})
}

// unreadable: neither is such a row stored with another number, nor without one,
// nor left out without a word.
func unreadable(ctx context.Context, b bench) error {
	var faults []error
	for _, number := range []string{"NaN", "Infinity", "-Infinity", "0x1F", "1,5", "1.2.3", "--1", "1e", "abc", "1_000", "1/3"} {
		row := b.row(0, b.window.From, number)
		err := b.reads(ctx, []placed{row}, nil, func(_ *scene, got result) error {
			switch {
			case len(got.rows) > 0:
				return fmt.Errorf("it is a row: %v", got.rows[0])
			case len(got.faults) != 1:
				return fmt.Errorf("it is %d faults", len(got.faults))
			default:
				return nil
			}
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("the number %q: %w", number, err))
		}
	}
	return errors.Join(faults...)
}
