package snapshot

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Difference is a row in which the table and the exchange do not agree.
type Difference struct {
	Key  string
	Kind string // changed, missing (in the table) or extra (in the table)
	// Moved is true if the row differs because it changed after the table was
	// last written, and the table is as it was written.
	Moved bool
	// Columns that differ, with what each side has; nil is NULL. A missing or an
	// extra row has none.
	Columns          []string
	Stored, Exchange []*string
}

// Compare queues a comparison of rows with the table: found is called for each
// difference, and nothing is written. since is when the table was last brought
// up to date. Without spans the rows are all of their scope; with them, all of
// the scope and the spans.
//
// The compared columns are those of Table.Compared: what follows the market
// differs all the time and says nothing.
func (w *Writer) Compare(batch *pgx.Batch, s Stamp, since time.Time, spans []Span, rows Rows, found func(Difference)) {
	args := w.args(Stamp{SubjectID: s.SubjectID, Scope: s.Scope, RunID: s.RunID, AsOf: since}, rows)
	query := w.sql.compare
	if spans != nil {
		query = w.sql.compareSpan
		args = append(args, bounds(spans)...)
	}
	batch.Queue(query, args...).Query(func(result pgx.Rows) error {
		var d Difference
		var differs []bool
		_, err := pgx.ForEachRow(result, []any{&d.Key, &d.Kind, &d.Moved, &d.Stored, &d.Exchange, &differs}, func() error {
			found(w.pick(d, differs))
			d, differs = Difference{}, nil
			return nil
		})
		return err
	})
}

// pick leaves the columns that differ.
func (w *Writer) pick(d Difference, differs []bool) Difference {
	picked := Difference{Key: d.Key, Kind: d.Kind, Moved: d.Moved}
	for i, c := range w.table.Compared {
		if i < len(differs) && differs[i] {
			picked.Columns = append(picked.Columns, c.Name)
			picked.Stored = append(picked.Stored, d.Stored[i])
			picked.Exchange = append(picked.Exchange, d.Exchange[i])
		}
	}
	return picked
}

// compareSQL finds the differences between the rows given and the table. The
// second half finds extra rows, among those of the scope (or the span).
func (t Table) compareSQL(spanned bool) string {
	history := ""
	if !t.NoHistory {
		history = "LEFT JOIN alphapulse." + t.Name + "_history h ON h." + t.Subject + " = " + subjectParam +
			" AND %s AND h.valid_to IS NULL"
	}
	joined := func(alias string) string {
		if history == "" {
			return ""
		}
		return fmt.Sprintf(history, t.keysMatch("h", alias))
	}
	extraMoved := t.asWritten()
	if spanned { // what was in a span stays there
		extraMoved = "false"
	}
	return fmt.Sprintf(`
WITH i AS MATERIALIZED %[1]s
SELECT concat_ws('/', %[2]s), CASE WHEN t.%[3]s IS NULL THEN 'missing' ELSE 'changed' END, coalesce(%[4]s, false),
       ARRAY[%[5]s], ARRAY[%[6]s],
       CASE WHEN t.%[3]s IS NULL THEN '{}' ELSE ARRAY[%[7]s] END
FROM i LEFT JOIN alphapulse.%[8]s t ON t.%[3]s = %[9]s AND %[10]s %[11]s
WHERE (t.%[3]s IS NULL OR %[12]s) AND (%[13]s IS NULL OR true) AND (%[14]s IS NULL OR true)
UNION ALL
SELECT concat_ws('/', %[15]s), 'extra', coalesce(%[16]s, false), ARRAY[%[5]s], NULL, '{}'
FROM alphapulse.%[8]s t %[17]s
WHERE t.%[3]s = %[9]s AND %[18]s AND %[19]s
ORDER BY 1, 2`,
		t.incoming(), each(t.Key, "i.%s", ", "), t.Subject, t.movedSince(),
		each(t.Compared, "t.%s::text", ", "), each(t.Compared, "i.%s::text", ", "),
		each(t.Compared, "t.%s IS DISTINCT FROM i.%s", ", "),
		t.Name, subjectParam, t.keysMatch("t", "i"), joined("i"), t.changed(), runParam, asOfParam,
		each(t.Key, "t.%s", ", "), extraMoved, joined("t"), t.among(spanned), t.notGiven())
}

// notGiven is the condition for the rows of the table that are not among those
// given. Keys are never NULL, so that NOT IN is right, and it is hashed whatever
// the planner expects: of a new account's rows it expects one, and the nested loop
// that NOT EXISTS becomes then takes minutes.
func (t Table) notGiven() string {
	return fmt.Sprintf("(%s) NOT IN (SELECT %s FROM i)", each(t.Key, "t.%s", ", "), each(t.Key, "i.%s", ", "))
}

// movedSince is the condition that a row which differs has moved on since the
// table was written.
func (t Table) movedSince() string {
	if t.Moved != "" {
		return t.Moved
	}
	return t.asWritten()
}

// asWritten is the condition that the table's row is what was last written
// there, which its open history row tells.
func (t Table) asWritten() string {
	if t.NoHistory {
		return "false"
	}
	return fmt.Sprintf(`(t.%[1]s IS NULL) = (h.%[1]s IS NULL) AND %[2]s IS NOT DISTINCT FROM %[3]s`,
		t.Subject, row("t", t.Compared), row("h", t.Compared))
}

// among is the condition for the rows of the table that must be among those
// given: all of the scope, or those of the span that the exchange still shows.
func (t Table) among(spanned bool) string {
	condition := fmt.Sprintf("t.%s = %s", t.Scope, scopeParam)
	if !spanned {
		if t.Open != "" {
			condition += " AND " + t.Open
		}
		return condition
	}
	from, to := firstArray+len(t.columns()), firstArray+len(t.columns())+1
	if t.SpanScope != "" {
		condition = t.SpanScope
	}
	for _, column := range t.Times {
		condition += fmt.Sprintf(` AND EXISTS (
    SELECT FROM unnest($%[2]d::timestamptz[], $%[3]d::timestamptz[]) AS span (a, z)
    WHERE t.%[1]s >= span.a AND t.%[1]s < span.z)`, column, from, to)
	}
	if t.Forgotten != "" {
		condition += " AND NOT coalesce(" + t.Forgotten + ", false)"
	}
	return condition
}
