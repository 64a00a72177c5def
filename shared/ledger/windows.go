package ledger

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// MaxWindow is the longest window that one job reads: what the exchange serves
// in one question (Bybit V5: at most 7 days between startTime and endTime).
const MaxWindow = 7 * 24 * time.Hour

// cutWindows divides spans into windows of at most MaxWindow. The cuts lie on
// Mondays 00:00 UTC for every caller, so what is planned again has the windows
// that it had before.
func cutWindows(spans []Window) []Window {
	var windows []Window
	for _, span := range spans {
		for from := span.From; from.Before(span.To); {
			to := from.UTC().Truncate(MaxWindow).Add(MaxWindow)
			if to.After(span.To) {
				to = span.To
			}
			windows = append(windows, Window{From: from, To: to})
			from = to
		}
	}
	return windows
}

// multirange is a set of intervals as the database gives it.
type multirange = pgtype.Multirange[pgtype.Range[pgtype.Timestamptz]]

// windowsOf gives the intervals of a set, oldest first, in UTC. A bound that is
// open is the zero time.
func windowsOf(set multirange) []Window {
	windows := make([]Window, 0, len(set))
	for _, r := range set {
		windows = append(windows, windowOf(r))
	}
	return windows
}

func windowOf(r pgtype.Range[pgtype.Timestamptz]) Window {
	var w Window
	if r.Lower.Valid {
		w.From = r.Lower.Time.UTC()
	}
	if r.Upper.Valid {
		w.To = r.Upper.Time.UTC()
	}
	return w
}

// optionalWindow is nil for a job without a window.
func optionalWindow(r *pgtype.Range[pgtype.Timestamptz]) *Window {
	if r == nil || !r.Valid {
		return nil
	}
	w := windowOf(*r)
	return &w
}
