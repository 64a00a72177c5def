package worker

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// firstHistory is how far back a new subject's histories are read by live jobs.
// What is older is a backfill's.
const firstHistory = 7 * 24 * time.Hour

// stretch is what one attempt asks of one scope of a history: nothing, if it
// needs nothing.
type stretch struct {
	exchange.History
	windows []exchange.Window
	// horizon is the time before which the exchange serves nothing; zero: no
	// limit is known.
	horizon time.Time
}

// reach cuts a window at the horizon.
func (s stretch) reach(w exchange.Window) exchange.Window {
	if w.From.Before(s.horizon) {
		w.From = s.horizon
	}
	return w
}

// plan says what to read of each scope of the job's history. A job with a
// window reads that: a backfill what is not covered of it, a verifying job what
// is, a repair all. A job without one goes on from the watermark of its scope.
func (a *attempt) plan(ctx context.Context, histories []exchange.History, prefix string) ([]stretch, *exchange.Error) {
	known, err := a.histories(ctx, prefix)
	if err != nil {
		return nil, databaseFault("reading how far the histories are stored", err)
	}
	stretches := make([]stretch, len(histories))
	for i, h := range histories {
		s := stretch{History: h}
		now := a.exchangeNow()
		if h.Depth > 0 {
			s.horizon = now.Add(-h.Depth)
		}
		s.windows = a.wanted(s, known[string(h.Scope)], now)
		stretches[i] = s
	}
	return stretches, nil
}

func (a *attempt) wanted(s stretch, k knownHistory, now time.Time) []exchange.Window {
	if a.job.Window == nil {
		from := k.watermark
		if from.IsZero() {
			from = now.Add(-firstHistory)
		}
		return filled(s.reach(exchange.Window{From: from, To: now}))
	}
	whole := exchange.Window(*a.job.Window)
	if whole.To.After(now) {
		whole.To = now
	}
	if a.job.Trigger == syncjob.TriggerBackfill {
		return subtract(s.reach(whole), k.covered)
	}
	// What the exchange forgets while it is being read is no difference.
	if edge := s.horizon.Add(horizonMargin); !s.horizon.IsZero() && whole.From.Before(edge) {
		whole.From = edge
	}
	if a.job.Trigger == syncjob.TriggerVerify {
		return intersect(k.covered, whole)
	}
	return filled(whole)
}

// horizonMargin is how close to the end of the exchange's memory nothing is
// compared or mended.
const horizonMargin = 2 * time.Hour

// filled is a window as a list, empty if the window is.
func filled(w exchange.Window) []exchange.Window {
	if !w.From.Before(w.To) {
		return nil
	}
	return []exchange.Window{w}
}

// intersect gives the parts of a window that lie in ranges, which are in order.
func intersect(ranges []exchange.Window, w exchange.Window) []exchange.Window {
	var parts []exchange.Window
	for _, r := range ranges {
		part := exchange.Window{From: latest(r.From, w.From), To: earliest(r.To, w.To)}
		parts = append(parts, filled(part)...)
	}
	return parts
}

// subtract gives the parts of a window that lie in none of the ranges, which are
// in order.
func subtract(w exchange.Window, ranges []exchange.Window) []exchange.Window {
	var parts []exchange.Window
	for _, r := range ranges {
		if !r.To.After(w.From) {
			continue
		}
		parts = append(parts, filled(exchange.Window{From: w.From, To: earliest(r.From, w.To)})...)
		w.From = latest(w.From, r.To)
	}
	return append(parts, filled(w)...)
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// knownHistory is how far a scope's history is stored.
type knownHistory struct {
	watermark time.Time
	covered   []exchange.Window
}

// histories reads the watermarks and the coverage of the job's data type, by the
// exchange's scope. prefix is what sync_scopes puts before it.
func (a *attempt) histories(ctx context.Context, prefix string) (map[string]knownHistory, error) {
	const query = `
SELECT coalesce(c.scope, substr(s.scope, length($3) + 1)), s.watermark, c.covered
FROM (SELECT scope, watermark FROM alphapulse.sync_scopes
      WHERE subject_id = $1 AND data_type = $2 AND watermark IS NOT NULL AND starts_with(scope, $3)) s
FULL JOIN (SELECT scope, covered FROM alphapulse.sync_coverage
           WHERE subject_id = $1 AND data_type = $2) c ON $3 || c.scope = s.scope`
	rows, err := a.db.Query(ctx, query, a.job.Subject.ID, string(a.job.DataType), prefix)
	if err != nil {
		return nil, err
	}
	known := map[string]knownHistory{}
	var scope string
	var mark *time.Time
	var covered pgtype.Multirange[pgtype.Range[pgtype.Timestamptz]]
	_, err = pgx.ForEachRow(rows, []any{&scope, &mark, &covered}, func() error {
		var k knownHistory
		if mark != nil {
			k.watermark = *mark
		}
		for _, r := range covered {
			k.covered = append(k.covered, exchange.Window{From: r.Lower.Time, To: r.Upper.Time})
		}
		known[scope] = k
		return nil
	})
	return known, err
}

// inWindow reports whether the job reads one window and not on from its
// watermark.
func inWindow(job *ledger.Claimed) bool { return job.Window != nil }

// covered is what of a window that was read counts as covered: all that ended
// long enough before its own reading for every row to be there.
func covered(w exchange.Window, asOf time.Time, lag time.Duration) []exchange.Window {
	return filled(exchange.Window{From: w.From, To: earliest(w.To, asOf.Add(-lag))})
}
