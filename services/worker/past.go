package worker

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// past reads and writes one history: rows that lie in the past and are asked for
// by time. Every data type that has one shares this walk.
//
// Windows are read oldest first. What was read of a scope before a fault counts
// as far as it goes; rows, coverage and watermark commit together, so that a
// crash resumes where the last commit was. A row that is not understood does not
// stop the walk: it goes into quarantine, where it is seen, and its window is
// covered.
type past[T exchange.Keyed] struct {
	writer *snapshot.Writer
	// mender writes without the table's guard: for repairs.
	mender *snapshot.Writer
	values func(T) []string
	prefix string // before the exchange's scope in sync_scopes
}

func newPast[T exchange.Keyed](t snapshot.Table, prefix string, values func(T) []string) past[T] {
	unguarded := t
	unguarded.Guard = ""
	return past[T]{
		writer: snapshot.NewWriter(t), mender: snapshot.NewWriter(unguarded), values: values, prefix: prefix,
	}
}

// readWindow reads one window of one scope.
type readWindow[T exchange.Keyed] func(context.Context, exchange.Scope, exchange.Window) exchange.Snapshot[T]

// walked is what came of a stretch.
type walked[T exchange.Keyed] struct {
	stretch
	read   []exchange.Window // to their end
	covers []exchange.Window // of read, what counts as covered
	rows   []T
	at     map[string]int // by the key of a row, where it is
	faults []exchange.RowFault
	asOf   time.Time
	fault  *exchange.Error
}

// walk reads every stretch that the job wants of the histories.
func (p past[T]) walk(ctx context.Context, a *attempt, histories []exchange.History, read readWindow[T]) reading {
	stretches, fault := a.plan(ctx, histories, p.prefix)
	if fault != nil {
		return reading{fault: fault}
	}
	var got reading
	for _, s := range stretches {
		if !got.add(p.part(a, walkStretch(ctx, a, s, read)), a.job.LastAttempt()) {
			break
		}
	}
	return got
}

// walkStretch reads the windows of a stretch, oldest first. What does not fit
// into half of the job's time, or into one commit, is left to the next one, and it
// says so.
func walkStretch[T exchange.Keyed](ctx context.Context, a *attempt, s stretch, read readWindow[T]) walked[T] {
	w := walked[T]{stretch: s, at: map[string]int{}}
	for _, whole := range s.windows {
		for window := range whole.Split(s.Window) {
			if !w.take(ctx, a, window, read) {
				return w
			}
		}
	}
	return w
}

// pieces is into how many a window is cut that has more pages than one walk may
// have.
const pieces = 8

// take reads a window, in pieces if it has more pages than a walk may have, and
// reports whether to go on.
func (w *walked[T]) take(ctx context.Context, a *attempt, window exchange.Window, read readWindow[T]) bool {
	if why := a.enough(); why != "" {
		w.fault = a.leftOver(why, window)
		return false
	}
	snap := read(ctx, w.Scope, window)
	for a.sitsOut(ctx, snap.Err) {
		snap = read(ctx, w.Scope, window)
	}
	if snap.Err != nil && snap.Err.Code == exchange.TooManyPages && window.To.Sub(window.From) > shortestWindow {
		for piece := range window.Split(max(window.To.Sub(window.From)/pieces, shortestWindow)) {
			if !w.take(ctx, a, piece, read) {
				return false
			}
		}
		return true
	}
	w.keep(snap)
	a.hold(len(snap.Rows))
	if snap.Err != nil || !snap.Complete {
		w.fault = a.cutOff(ctx, snap.Err, window)
		return false
	}
	w.read = append(w.read, window)
	w.covers = append(w.covers, covered(window, snap.AsOf, w.Lag)...)
	a.paid = true
	return true
}

// shortestWindow is not cut any more, however many rows it has.
const shortestWindow = time.Second

// keep adds a window's rows. A row at the edge of two windows may come twice:
// the later reading stays. The first window's are kept where they are.
func (w *walked[T]) keep(snap exchange.Snapshot[T]) {
	if !snap.AsOf.IsZero() {
		w.asOf = snap.AsOf
	}
	w.faults = append(w.faults, snap.Faults...)
	if len(w.rows) == 0 {
		w.rows = snap.Rows[:0]
	}
	for _, row := range snap.Rows {
		key := row.Key()
		if i, seen := w.at[key]; seen {
			w.rows[i] = row
			continue
		}
		w.at[key] = len(w.rows)
		w.rows = append(w.rows, row)
	}
}

// sort puts the rows in the order of their keys, in which all writers lock them.
// Where they were is forgotten: it is wrong now, and would stay in memory until
// they are written.
func (w *walked[T]) sort() {
	from := make([]int, 0, len(w.rows))
	for _, key := range slices.Sorted(maps.Keys(w.at)) {
		from = append(from, w.at[key])
	}
	arrange(w.rows, from)
	w.at = nil
}

// arrange puts into each place i the row that is at from[i], a permutation, without
// room for a second copy of them all. It uses from up.
func arrange[T any](rows []T, from []int) {
	for start := range from {
		first, to := rows[start], start
		for from[to] != start {
			next := from[to]
			rows[to], from[to] = rows[next], to
			to = next
		}
		rows[to], from[to] = first, to
	}
}

// part turns what was walked into a part of the reading.
func (p past[T]) part(a *attempt, w walked[T]) part {
	found := part{
		scope: p.prefix + string(w.Scope), coverage: string(w.Scope), asOf: w.asOf, history: true, faults: w.faults,
		fetched: len(w.rows) + len(w.faults), fault: w.fault, horizon: w.horizon, lag: w.Lag,
		covers: w.covers,
	}
	if found.fault == nil && len(w.faults) > 0 {
		found.fault = faultyRows(w.faults)
	}
	w.sort()
	found.stores = w.fault == nil || len(w.rows) > 0 || len(found.covers) > 0
	found.queue = p.write(a, w)
	found.compare = p.compare(w)
	return found
}

// rowsAtOnce bounds the rows of one statement.
const rowsAtOnce = 5000

// write gives what stores the rows. A repair overwrites, and deletes what the
// exchange does not have.
func (p past[T]) write(a *attempt, w walked[T]) func(*pgx.Batch, snapshot.Stamp, *snapshot.Tally) {
	writer, mends := p.writer, a.job.Trigger == syncjob.Repair && inWindow(a.job)
	if mends {
		writer = p.mender
	}
	return func(batch *pgx.Batch, stamp snapshot.Stamp, tally *snapshot.Tally) {
		if mends && len(w.faults) == 0 {
			writer.RemoveWithin(batch, stamp, w.spans(), snapshot.Collect(writer.Table(), w.rows, p.values), tally)
		}
		for rows := range slices.Chunk(w.rows, rowsAtOnce) {
			writer.Upsert(batch, stamp, snapshot.Collect(writer.Table(), rows, p.values), tally)
		}
	}
}

// compare gives what compares the rows with the table.
func (p past[T]) compare(w walked[T]) comparison {
	return comparison{rows: len(w.rows), queue: func(
		batch *pgx.Batch, stamp snapshot.Stamp, since time.Time, found func(snapshot.Difference),
	) {
		rows := snapshot.Collect(p.writer.Table(), w.rows, p.values)
		p.writer.Compare(batch, stamp, since, w.spans(), rows, found)
	}}
}

// spans are the windows that were read to their end.
func (w walked[T]) spans() []snapshot.Span {
	spans := make([]snapshot.Span, len(w.read))
	for i, window := range w.read {
		spans[i] = snapshot.Span(window)
	}
	return spans
}
