package snapshot

import (
	"time"

	"github.com/jackc/pgx/v5"
)

// Stamp says whose rows these are, and when the exchange showed them.
type Stamp struct {
	SubjectID string
	RunID     string
	Scope     string
	AsOf      time.Time
}

// Tally counts what the statements of a batch did, once the batch has been
// read.
type Tally struct{ Changed, Deleted int64 }

// Rows are the rows of a scope by column: one array per column, in the order of
// Table. An empty text is NULL.
type Rows struct{ arrays [][]string }

// Len is the number of rows.
func (r Rows) Len() int {
	if len(r.arrays) == 0 {
		return 0
	}
	return len(r.arrays[0])
}

// Collect turns rows into columns. values gives one row's texts in the order of
// the table's columns; an empty text is NULL.
func Collect[T any](t Table, rows []T, values func(T) []string) Rows {
	width := t.width()
	cells := make([]string, width*len(rows))
	arrays := make([][]string, width)
	for c := range arrays {
		arrays[c] = cells[c*len(rows) : (c+1)*len(rows) : (c+1)*len(rows)]
	}
	for r, row := range rows {
		for c, value := range values(row) {
			arrays[c][r] = value
		}
	}
	return Rows{arrays: arrays}
}

// Set is what was read of one scope.
type Set struct {
	Stamp Stamp
	Rows  Rows
	// Whole: the scope was walked to its end, so that what is stored of it, is not
	// among Rows and is not protected is deleted.
	Whole     bool
	Protected []string
	// Tally counts what was done.
	Tally *Tally
}

// Writer writes one table.
type Writer struct {
	table  Table
	sql    statements
	hashed []byte // what each content hash begins with
}

// NewWriter compiles a table's statements.
func NewWriter(t Table) *Writer { return &Writer{table: t, sql: compile(t), hashed: t.hashed()} }

// Table gives what the writer writes.
func (w *Writer) Table() Table { return w.table }

// Write queues the statements that bring the table to what sets hold, all of them
// together. No two sets are of one subject: their rows could have a key in common,
// and one statement writes a row once.
func (w *Writer) Write(batch *pgx.Batch, sets []Set) {
	if len(sets) == 0 {
		return
	}
	args := w.setArgs(sets)
	w.queueRemove(batch, sets, args)
	if rowsIn(sets) == 0 {
		return
	}
	batch.Queue(w.sql.upsert, args...).Query(counting(sets, func(t *Tally, n int64) { t.Changed += n }))
}

// Upsert queues the insertion and update of rows, with their history.
func (w *Writer) Upsert(batch *pgx.Batch, s Stamp, rows Rows, tally *Tally) {
	w.Write(batch, []Set{{Stamp: s, Rows: rows, Tally: tally}})
}

// queueRemove queues the deletion of what is gone from whole scopes.
func (w *Writer) queueRemove(batch *pgx.Batch, sets []Set, args []any) {
	whole, protectedIn, protected := []int32{}, []int32{}, []string{}
	for i, set := range sets {
		if !set.Whole {
			continue
		}
		whole = append(whole, stampNumber(i))
		for _, key := range set.Protected {
			protectedIn, protected = append(protectedIn, stampNumber(i)), append(protected, key)
		}
	}
	if len(whole) == 0 {
		return
	}
	keys := firstOfSets - 1 + len(w.table.Key)
	args = append(args[:keys:keys], whole, protectedIn, protected)
	batch.Queue(w.sql.remove, args...).Query(counting(sets, func(t *Tally, n int64) { t.Deleted += n }))
}

// counting reads counts by the number of the stamp.
func counting(sets []Set, add func(*Tally, int64)) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var number int32
		var count int64
		_, err := pgx.ForEachRow(rows, []any{&number, &count}, func() error {
			add(sets[number-1].Tally, count)
			return nil
		})
		return err
	}
}

func stampNumber(i int) int32 { return int32(i) + 1 } //nolint:gosec // a group's size

func rowsIn(sets []Set) int {
	n := 0
	for _, set := range sets {
		n += set.Rows.Len()
	}
	return n
}

// setArgs are the sets as the parameters of the statements that write.
func (w *Writer) setArgs(sets []Set) []any {
	subjects, scopes := make([]string, len(sets)), make([]string, len(sets))
	runs, asOfs := make([]string, len(sets)), make([]time.Time, len(sets))
	total := rowsIn(sets)
	numbers := make([]int32, 0, total)
	for i, set := range sets {
		subjects[i], scopes[i] = set.Stamp.SubjectID, set.Stamp.Scope
		runs[i], asOfs[i] = set.Stamp.RunID, set.Stamp.AsOf
		for range set.Rows.Len() {
			numbers = append(numbers, stampNumber(i))
		}
	}
	width := w.table.width()
	args := append(make([]any, 0, firstOfSets+width), subjects, scopes, runs, asOfs, numbers)
	for c := range width {
		args = append(args, column(sets, c, total))
	}
	return args
}

// column is one column of all sets.
func column(sets []Set, c, total int) []string {
	if len(sets) == 1 && total > 0 {
		return sets[0].Rows.arrays[c]
	}
	values := make([]string, 0, total)
	for _, set := range sets {
		if set.Rows.Len() > 0 {
			values = append(values, set.Rows.arrays[c]...)
		}
	}
	return values
}

// args are the parameters of the statements that compare.
func (w *Writer) args(s Stamp, rows Rows) []any {
	args := []any{s.SubjectID, s.Scope, s.RunID, s.AsOf}
	for c := range w.table.width() {
		args = append(args, column([]Set{{Rows: rows}}, c, rows.Len()))
	}
	return args
}
