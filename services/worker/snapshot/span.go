package snapshot

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Span is a half-open span [From, To) that rows of a history are of.
type Span struct{ From, To time.Time }

// bounds are the spans as two arrays.
func bounds(spans []Span) []any {
	from, to := make([]time.Time, len(spans)), make([]time.Time, len(spans))
	for i, s := range spans {
		from[i], to[i] = s.From, s.To
	}
	return []any{from, to}
}

// RemoveWithin queues the deletion of the rows of a history's scope and spans
// that are not among rows and that the exchange would still show. Only for
// repairs, and for spans that were read to their end without a row that was not
// understood.
func (w *Writer) RemoveWithin(batch *pgx.Batch, s Stamp, spans []Span, rows Rows, tally *Tally) {
	args := append(w.args(s, rows), bounds(spans)...)
	batch.Queue(w.sql.removeSpan, args...).QueryRow(func(row pgx.Row) error {
		var deleted int64
		if err := row.Scan(&deleted); err != nil {
			return err
		}
		tally.Deleted += deleted
		return nil
	})
}

func (t Table) removeSpanSQL() string {
	closed := ""
	if !t.NoHistory {
		closed = fmt.Sprintf(`,
closed AS (
    UPDATE alphapulse.%s_history h SET valid_to = greatest(h.valid_from, %s)
    WHERE h.ctid = ANY (ARRAY(SELECT o.ctid FROM gone g %s)))`, t.Name, asOfParam, t.openOf("g", subjectParam))
	}
	return fmt.Sprintf(`
WITH i AS %[1]s,
gone AS (
    DELETE FROM alphapulse.%[2]s t
    WHERE t.%[3]s = %[4]s AND %[5]s AND %[6]s
    RETURNING %[7]s)%[8]s
SELECT count(*) FROM gone WHERE (%[9]s IS NULL OR true) AND (%[10]s IS NULL OR true) AND (%[11]s IS NULL OR true)`,
		t.incoming(), t.Name, t.Subject, subjectParam, t.among(true), t.notGiven(),
		each(t.Key, "t.%s", ", "), closed, runParam, asOfParam, scopeParam)
}
