package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

func windowChecks() []check {
	return []check{
		{name: "a window has its beginning and not its end", run: halfOpen, applies: historical},
		{name: "windows side by side lose nothing", run: adjacent, applies: historical},
		{name: "a window between two instants loses nothing", run: broken, applies: historical},
		{name: "a window that is empty, backwards or too long is refused", run: refusesWindows, applies: historical},
	}
}

func halfOpen(ctx context.Context, b bench) error {
	from, to := b.window.From, b.window.To
	rows := b.at(from.Add(-b.step), from, from.Add(b.step), from.Add(to.Sub(from)/2).Truncate(b.step), to.Add(-b.step), to)
	return b.reads(ctx, rows, nil, func(_ *scene, got result) error {
		return errors.Join(got.whole(), got.holds(rows[1:5]))
	})
}

// adjacent: what lies at the bound of two windows is in one of them at least.
func adjacent(ctx context.Context, b bench) error {
	bound := b.window.From.Add(b.window.To.Sub(b.window.From) / 2).Truncate(b.step)
	rows := b.at(b.window.From, bound.Add(-b.step), bound, bound.Add(b.step), b.window.To.Add(-b.step))
	return b.across(ctx, rows, []exchange.Window{{From: b.window.From, To: bound}, {From: bound, To: b.window.To}})
}

// broken: bounds that the exchange's clock cannot show. A row may come although
// it lies less than one step outside, and must come if it lies inside.
func broken(ctx context.Context, b bench) error {
	bound := b.window.From.Add(b.window.To.Sub(b.window.From) / 2).Truncate(b.step).Add(b.step / 2)
	from, to := b.window.From.Add(b.step/2), b.window.To.Add(-b.step/2)
	rows := b.at(b.window.From.Add(b.step), bound.Add(-b.step/2), bound.Add(b.step/2), b.window.To.Add(-b.step))
	return b.across(ctx, rows, []exchange.Window{{From: from, To: bound}, {From: bound, To: to}})
}

// across reads windows one after the other and looks for the rows in all that
// came.
func (b bench) across(ctx context.Context, rows []placed, windows []exchange.Window) error {
	s, err := b.scene(rows, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	var all result
	for _, window := range windows {
		got := s.read(ctx, window)
		if err := errors.Join(got.whole(), b.within(got, rows, window)); err != nil {
			return err
		}
		for _, row := range got.rows {
			if !all.has(row.Key()) {
				all.rows = append(all.rows, row)
			}
		}
	}
	return all.holds(rows)
}

// within reports rows that lie a step or more outside of a window.
func (b bench) within(got result, rows []placed, window exchange.Window) error {
	var faults []error
	for _, row := range rows {
		early, late := window.From.Sub(row.at), row.at.Sub(window.To)
		if got.has(row.Row.Key()) && max(early, late) >= b.step {
			faults = append(faults, fmt.Errorf("row %q of %s is not of the window from %s to %s", row.Row.Key(), row.at, window.From, window.To))
		}
	}
	return errors.Join(faults...)
}

func refusesWindows(ctx context.Context, b bench) error {
	from := b.window.From
	var faults []error
	for name, to := range map[string]time.Time{
		"empty": from, "backwards": from.Add(-time.Hour), "too long": from.Add(b.reader.history.Window + time.Nanosecond),
	} {
		if err := b.refuses(ctx, exchange.Window{From: from, To: to}); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}

func (b bench) refuses(ctx context.Context, window exchange.Window) error {
	s, err := b.scene(b.some(1), nil)
	if err != nil {
		return err
	}
	defer s.Close()
	got := s.read(ctx, window)
	return errors.Join(got.ended(exchange.BadRequest), got.holds(nil), s.unasked())
}
