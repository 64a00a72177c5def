package main

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// dateHelp says how times are given on the command line.
const dateHelp = "a day such as 2025-01-31 (its beginning, UTC) or an RFC 3339 time such as 2025-01-31T08:00:00Z"

// dateFlag is a time on the command line. It is checked when flags are parsed.
type dateFlag struct{ at time.Time }

func (d *dateFlag) Type() string { return "date" }

func (d *dateFlag) String() string {
	if d.at.IsZero() {
		return ""
	}
	return d.at.Format(time.RFC3339)
}

// Set reads a day or a time. A time without a zone is refused: it would mean
// another instant on another machine.
func (d *dateFlag) Set(text string) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			d.at = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is no date: give %s", text, dateHelp)
}

// stamp is the time for a request; nil if it was not given.
func (d *dateFlag) stamp() *timestamppb.Timestamp {
	if d.at.IsZero() {
		return nil
	}
	return timestamppb.New(d.at)
}

// checkSpan refuses a time that ends before it begins.
func checkSpan(since, until *dateFlag) error {
	if !since.at.IsZero() && !until.at.IsZero() && !since.at.Before(until.at) {
		return usageError("--since %s is not before --until %s", since, until)
	}
	return nil
}

// day is a date for people: the day alone.
func day(t *timestamppb.Timestamp) string {
	if t == nil {
		return "-"
	}
	return t.AsTime().UTC().Format(time.DateOnly)
}
