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
// Table. A nil is NULL.
type Rows struct{ arrays [][]*string }

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
	width := len(t.columns())
	cells := make([]string, 0, width*len(rows))
	for _, r := range rows {
		cells = append(cells, values(r)...)
	}
	arrays := make([][]*string, width)
	for c := range arrays {
		arrays[c] = make([]*string, len(rows))
		for r := range rows {
			if cell := &cells[r*width+c]; *cell != "" {
				arrays[c][r] = cell
			}
		}
	}
	return Rows{arrays: arrays}
}

// Writer writes one table.
type Writer struct {
	table Table
	sql   statements
}

// NewWriter compiles a table's statements.
func NewWriter(t Table) *Writer { return &Writer{table: t, sql: compile(t)} }

// Table gives what the writer writes.
func (w *Writer) Table() Table { return w.table }

// Remove queues the deletion of the scope's rows that are not among rows and
// whose key is not protected. Only for a walk that was complete.
func (w *Writer) Remove(batch *pgx.Batch, s Stamp, rows Rows, protected []string, tally *Tally) {
	if protected == nil {
		protected = []string{} // an empty array; NULL would match nothing and delete nothing
	}
	args := append(w.args(s, rows), protected)
	batch.Queue(w.sql.remove, args...).QueryRow(func(row pgx.Row) error {
		var deleted int64
		var unused bool
		if err := row.Scan(&deleted, &unused); err != nil {
			return err
		}
		tally.Deleted += deleted
		return nil
	})
}

// Upsert queues the insertion and update of rows, with their history.
func (w *Writer) Upsert(batch *pgx.Batch, s Stamp, rows Rows, tally *Tally) {
	if rows.Len() == 0 {
		return
	}
	if w.sql.closeChanged != "" {
		batch.Queue(w.sql.closeChanged, w.args(s, rows)...)
	}
	batch.Queue(w.sql.upsert, w.args(s, rows)...).QueryRow(func(row pgx.Row) error {
		var changed int64
		if err := row.Scan(&changed); err != nil {
			return err
		}
		tally.Changed += changed
		return nil
	})
}

func (w *Writer) args(s Stamp, rows Rows) []any {
	args := []any{s.SubjectID, s.Scope, s.RunID, s.AsOf}
	if len(rows.arrays) == 0 {
		rows.arrays = make([][]*string, len(w.table.columns()))
	}
	for _, array := range rows.arrays {
		if array == nil {
			array = []*string{}
		}
		args = append(args, array)
	}
	return args
}
