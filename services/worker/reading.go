package worker

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// part is what was read of one scope.
type part struct {
	scope   string
	asOf    time.Time // the exchange's clock at the scope's first response
	fetched int
	// fault is why the scope was not read to its end; nil if it was.
	fault *exchange.Error
	// stores is true if there is something to store: a complete walk, or good
	// rows of one that was not.
	stores bool
	// faults are the rows that came and were not understood.
	faults []exchange.RowFault
	// history marks a scope whose rows guard themselves by their own time: it
	// is never superseded.
	history bool
	// coverage is, for a history, its scope's name in sync_coverage; covers are
	// the spans that were read to their end, and horizon is where what the
	// exchange serves begins, zero if it is not known.
	coverage string
	covers   []exchange.Window
	horizon  time.Time
	lag      time.Duration // of the exchange's history: its newest span is not covered
	// writer writes a snapshot's set; nil: queue does.
	writer *snapshot.Writer
	set    snapshot.Set
	// hash is of all that the scope holds, if all of it came and was understood.
	hash []byte
	// queue adds to a batch what else is written, after the set, if there is a writer,
	// and the statements that write the part if there is none; nil: nothing.
	queue func(batch *pgx.Batch, stamp snapshot.Stamp, tally *snapshot.Tally)
	// compare is what a verifying job does in place of queue.
	compare comparison
}

// wireScope is the scope as the exchange's adapter names it.
func (p part) wireScope() string { return cmp.Or(p.coverage, p.scope) }

// watermark is up to when a history is stored without a gap from where the part
// began; zero if nothing of it was read.
func (p part) watermark() time.Time {
	var mark time.Time
	for _, w := range p.covers {
		if !mark.IsZero() && w.From.After(mark) {
			break
		}
		mark = w.To
	}
	return mark
}

// reading is what one attempt read.
type reading struct {
	parts []part
	// fault ended the reading as a whole; parts hold what came before it.
	fault *exchange.Error
	// whole names all scopes that there are, if what is in no other may be ended.
	whole *whole
}

// add appends a part and reports whether to go on. A fault that ends the job
// stops the reading, unless nothing follows this attempt: then what can be
// read is read, because it is stored.
func (r *reading) add(p part, last bool) bool {
	r.parts = append(r.parts, p)
	if p.fault == nil || !p.fault.Class.EndsJob() {
		return true
	}
	if r.fault == nil {
		r.fault = p.fault
	}
	return last && storable(p.fault.Class)
}

// storable reports whether what was read besides a fault of this class may be
// stored when no attempt follows.
func storable(class exchange.Class) bool {
	return class == exchange.Transient || class == exchange.ClockSkew
}

// stored counts the parts that have something to store.
func (r *reading) stored() int {
	n := 0
	for _, p := range r.parts {
		if p.stores {
			n++
		}
	}
	return n
}

// faulty lists the parts that were not read to their end.
func (r *reading) faulty() []part {
	var found []part
	for _, p := range r.parts {
		if p.fault != nil {
			found = append(found, p)
		}
	}
	return found
}

// asOf is the oldest time of what is stored; zero if nothing is.
func (r *reading) asOf() time.Time {
	var oldest time.Time
	for _, p := range r.parts {
		if p.stores && !p.asOf.IsZero() && (oldest.IsZero() || p.asOf.Before(oldest)) {
			oldest = p.asOf
		}
	}
	return oldest
}

// quarantined counts the rows that were not understood.
func (r *reading) quarantined() int {
	n := 0
	for _, p := range r.parts {
		n += len(p.faults)
	}
	return n
}

// fetched counts the rows that came.
func (r *reading) fetched() int64 {
	n := 0
	for _, p := range r.parts {
		n += p.fetched
	}
	return int64(n)
}

// reader reads a job's data from the exchange. It is one data type's file.
type reader interface {
	read(ctx context.Context, job *attempt) reading
}

// readScope reads one scope of a snapshot and turns it into a part. An empty
// walk of a scope that holds more than a few rows is read a second time first:
// emptying it is the one thing that cannot be seen to be wrong afterwards.
func readScope[T exchange.Keyed](
	ctx context.Context, a *attempt, w *snapshot.Writer, scope exchange.Scope,
	read func(context.Context, exchange.Scope) exchange.Snapshot[T], values func(T) []string,
) part {
	snap := read(ctx, scope)
	if snap.Complete && len(snap.Rows) == 0 && len(snap.Faults) == 0 {
		stored, err := a.storedRows(ctx, w.Table(), string(scope))
		switch {
		case err != nil:
			snap.Complete, snap.Err = false, &exchange.Error{
				Class: exchange.Incomplete, Message: "could not check what an empty walk would delete", Cause: err,
			}
		case stored > emptyWithoutDoubt:
			snap = read(ctx, scope)
		}
	}
	return snapshotPart(snap, w, values)
}

// emptyWithoutDoubt is how many rows a walk may delete by coming back empty.
const emptyWithoutDoubt = 5

// snapshotPart gives the part of a snapshot. Rows that came but were not
// understood make it incomplete; those whose key could be read are protected,
// and if there is one without, nothing is deleted.
func snapshotPart[T any](snap exchange.Snapshot[T], w *snapshot.Writer, values func(T) []string) part {
	p := part{
		scope: string(snap.Scope), asOf: snap.AsOf, faults: snap.Faults,
		fetched: len(snap.Rows) + len(snap.Faults), fault: snap.Err,
	}
	protected, keyless := protect(snap.Faults)
	if p.fault == nil && len(snap.Faults) > 0 {
		p.fault = faultyRows(snap.Faults)
	}
	deletes := snap.Complete && !keyless
	rows := snapshot.Collect(w.Table(), snap.Rows, values)
	p.stores = !snap.AsOf.IsZero() && (deletes || rows.Len() > 0)
	p.writer, p.set = w, snapshot.Set{Rows: rows, Whole: deletes, Protected: protected}
	if deletes { // of a walk that broke off nothing can be said
		p.compare = compareSnapshot(w, rows)
	}
	if deletes && p.fault == nil {
		p.hash = w.Hash(rows)
	}
	return p
}

func protect(faults []exchange.RowFault) (protected []string, keyless bool) {
	protected = []string{}
	for _, f := range faults {
		if f.Key == "" {
			keyless = true
			continue
		}
		protected = append(protected, f.Key)
	}
	return protected, keyless
}

// faultyRows is the fault of a walk that came to its end but had rows that were
// not understood.
func faultyRows(faults []exchange.RowFault) *exchange.Error {
	first := faults[0]
	what := first.Key
	if what == "" {
		what = "a row without a readable key"
	}
	return &exchange.Error{
		Class: exchange.Incomplete, Payload: first.Payload,
		Message: plural(len(faults), "row was", "rows were") + " not understood, the first: " + what + ": " + first.Reason,
	}
}
