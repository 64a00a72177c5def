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
			return d.set(text, at.UTC())
		}
	}
	return fmt.Errorf("%q is no date: give %s", text, dateHelp)
}

// The years that a date may be of. The zero time would count as none given.
const firstYear, lastYear = 1970, 9999

func (d *dateFlag) set(text string, at time.Time) error {
	if at.Year() < firstYear || at.Year() > lastYear {
		return fmt.Errorf("%q is not of the years %d to %d (UTC): give %s", text, firstYear, lastYear, dateHelp)
	}
	d.at = at
	return nil
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
