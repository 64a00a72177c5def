package snapshot

import "fmt"

// statements are the SQL of one table, made once.
type statements struct {
	remove      string
	upsert      string
	compare     string
	compareSpan string // of a history
	removeSpan  string
}

func compile(t Table) statements {
	s := statements{remove: t.removeSQL(), upsert: t.upsertSQL(), compare: t.compareSQL(false)}
	if t.Guard == Never && t.NoHistory {
		s.upsert = t.insertSQL()
	}
	if len(t.Times) > 0 {
		s.compareSpan, s.removeSpan = t.compareSQL(true), t.removeSpanSQL()
	}
	return s
}

// removeSQL deletes the rows of whole scopes that did not come, and closes their
// history. Of what came it is given the keys. Three parameters follow them: the numbers
// of the stamps of whole scopes, and of each protected key the number of its stamp and
// the key, in the form of exchange.RowFault.Key.
func (t Table) removeSQL() string {
	next := firstOfSets + len(t.Key)
	closed := ""
	if !t.NoHistory {
		closed = fmt.Sprintf(`,
closed AS (
    UPDATE alphapulse.%[1]s_history h SET valid_to = greatest(h.valid_from, (%[2]s)[%[3]s])
    WHERE h.ctid = ANY (ARRAY(SELECT o.ctid FROM gone g %[4]s)))`,
			t.Name, asOfsParam, t.stampOf("h"), t.openOf("g", "("+subjectsParam+")[g.n]"))
	}
	return fmt.Sprintf(`
WITH i AS %[1]s,
gone AS (
    DELETE FROM alphapulse.%[2]s t
    WHERE t.ctid = ANY (ARRAY(
        SELECT x.ctid FROM unnest($%[3]d::integer[]) AS r (n) CROSS JOIN LATERAL (
            SELECT s.ctid, %[4]s FROM alphapulse.%[2]s s
            WHERE s.%[5]s = (%[6]s)[r.n] AND s.%[7]s = (%[8]s)[r.n] OFFSET 0) x
        WHERE (r.n, %[9]s) NOT IN (SELECT i.s_n, %[10]s FROM i)
          AND (r.n, concat_ws('/', %[9]s)) NOT IN (
              SELECT p.n, p.key FROM unnest($%[11]d::integer[], $%[12]d::text[]) AS p (n, key))))
    RETURNING %[13]s AS n, %[14]s)%[15]s
SELECT n, count(*) FROM gone GROUP BY n`,
		incomingOfSets(t.Key), t.Name, next, each(t.Key, "s.%s", ", "), t.Subject, subjectsParam, t.Scope, scopesParam,
		each(t.Key, "x.%s", ", "), each(t.Key, "i.%s", ", "), next+1, next+2, t.stampOf("t"), each(t.Key, "t.%s", ", "), closed)
}

// stampOf is the number of the stamp of a row's subject, of which there is one.
func (t Table) stampOf(alias string) string {
	return fmt.Sprintf("array_position(%s, %s.%s)", subjectsParam, alias, t.Subject)
}

// storedRow joins each row of i with the row t that is stored, by one look into the
// index for each, whatever the planner believes about the table's size.
func (t Table) storedRow() string {
	return fmt.Sprintf(`LEFT JOIN LATERAL (
        SELECT * FROM alphapulse.%s x WHERE x.%s = i.s_subject AND %s LIMIT 1) t ON true`,
		t.Name, t.Subject, t.keysMatch("x", "i"))
}

// openOf joins each row of an alias with its open history row o, by one look
// into the index for each. A plain join leaves the order to the planner, which
// does not know how the table has grown and reads an account's whole history
// for each row.
func (t Table) openOf(alias, subject string) string {
	return fmt.Sprintf(`CROSS JOIN LATERAL (
        SELECT x.ctid FROM alphapulse.%s_history x
        WHERE x.%s = %s AND %s AND x.valid_to IS NULL LIMIT 1) o`,
		t.Name, t.Subject, subject, t.keysMatch("x", alias))
}

// openRow joins each row of i that is new or changed with its open history row o, by
// one look into the index: a row that was deleted behind our back has left one open.
func (t Table) openRow(fresh, changed string) string {
	return fmt.Sprintf(`
    LEFT JOIN LATERAL (
        SELECT x.ctid, x.valid_from FROM alphapulse.%[1]s_history x
        WHERE (%[2]s OR %[3]s) AND x.%[4]s = i.s_subject AND %[5]s AND x.valid_to IS NULL LIMIT 1) o ON true`,
		t.Name, fresh, changed, t.Subject, t.keysMatch("x", "i"))
}

// beganSQL is from when the row d holds: as_of, where the open row ends then. Two scopes
// may write one key (an order that is read open and closed), each with a clock of its
// own reading. So the open row may have begun at as_of or later: what it says turned out
// to be older than it seemed, and is replaced. And without an open row the last one may
// reach beyond as_of: then the new row begins where that one ended.
func (t Table) beganSQL() string {
	return fmt.Sprintf(`CASE WHEN d.open_from IS NOT NULL THEN greatest(d.open_from, d.s_as_of) ELSE coalesce((
        SELECT greatest(h.valid_to, d.s_as_of)
        FROM alphapulse.%[1]s_history h WHERE h.%[2]s = d.s_subject AND %[3]s
        ORDER BY h.valid_from DESC LIMIT 1), d.s_as_of) END`,
		t.Name, t.Subject, t.keysMatch("h", "d"))
}

// openedSQL ends the open history rows of what is changed, or comes back, and opens new
// ones. All of the first is done before the first row of the second, because the index
// that allows one open row per key would see both: to count what closed returns is what
// runs it, to its end; Postgres by itself would run the later one first.
func (t Table) openedSQL(scopeColumn, scopeValue string) string {
	all := t.columns()
	set := each(all[len(t.Key):], "%s = excluded.%s", ", ")
	if scopeColumn != "" {
		set += fmt.Sprintf(", %[1]s = excluded.%[1]s", t.Scope)
	}
	return fmt.Sprintf(`,
closed AS (
    UPDATE alphapulse.%[1]s_history h SET valid_to = (%[10]s)[%[11]s]
    WHERE h.ctid = ANY (ARRAY(SELECT d.open_row FROM diff d WHERE d.open_from < d.s_as_of))
    RETURNING 1),
opened AS (
    INSERT INTO alphapulse.%[1]s_history (%[2]s, %[3]s%[4]s, run_id, valid_from, observed_at)
    SELECT d.s_subject, %[5]s%[6]s, d.s_run, %[7]s, clock_timestamp() FROM diff d
    WHERE (SELECT count(*) FROM closed) >= 0 AND (d.fresh OR d.changed)
    ON CONFLICT (%[2]s, %[8]s, valid_from) DO UPDATE
    SET %[9]s, run_id = excluded.run_id, observed_at = excluded.observed_at, valid_to = NULL)`,
		t.Name, t.Subject, each(all, "%s", ", "), scopeColumn,
		t.heldValues(), scopeValue, t.beganSQL(),
		each(t.Key, "%s", ", "), set, asOfsParam, t.stampOf("h"))
}

// heldValues are the values of d as the row then holds them: what is sticky and
// did not come keeps what was stored.
func (t Table) heldValues() string {
	all := t.columns()
	values := each(all[:len(all)-len(t.Sticky)], "d.%s", ", ")
	for _, c := range t.Sticky {
		values += fmt.Sprintf(", coalesce(d.%[1]s, d.stored_%[1]s)", c.Name)
	}
	return values
}

// upsertSQL inserts what is new, updates what changed or moved, ends and opens history
// rows for what is new or changed, and counts those by their stamp.
func (t Table) upsertSQL() string {
	all := t.columns()
	scopeColumn, scopeValue := t.scopeOf("d")
	fresh := fmt.Sprintf("t.%s IS NULL", t.Subject)
	open, openRow, opened := "", "", ""
	if !t.NoHistory {
		open, openRow = ", o.ctid AS open_row, o.valid_from AS open_from", t.openRow(fresh, t.changed())
		opened = t.openedSQL(scopeColumn, scopeValue)
	}
	return fmt.Sprintf(`
WITH i AS %[1]s,
diff AS (
    SELECT i.*%[2]s, %[17]s AS fresh, t.%[3]s IS NOT NULL AND %[4]s AS changed%[18]s
    FROM i %[6]s%[19]s
    WHERE t.%[3]s IS NULL OR (%[7]s AND (%[4]s OR %[8]s))),
written AS (
    INSERT INTO alphapulse.%[5]s AS t (%[3]s, %[9]s%[10]s, run_id, as_of, observed_at)
    SELECT d.s_subject, %[11]s%[12]s, d.s_run, d.s_as_of, clock_timestamp() FROM diff d
    ON CONFLICT (%[3]s, %[13]s) DO UPDATE
    SET %[14]s,
        run_id = CASE WHEN %[15]s THEN excluded.run_id ELSE t.run_id END,
        as_of = CASE WHEN %[15]s THEN excluded.as_of ELSE t.as_of END,
        observed_at = CASE WHEN %[15]s THEN excluded.observed_at ELSE t.observed_at END)%[16]s
SELECT s_n, count(*) FROM diff WHERE fresh OR changed GROUP BY s_n`,
		incomingOfSets(all), each(t.Sticky, ", t.%s AS stored_%s", ""), t.Subject, t.changed(), t.Name,
		t.storedRow(), t.guard(), t.moved(),
		each(all, "%s", ", "), scopeColumn, each(all, "d.%s", ", "), scopeValue,
		each(t.Key, "%s", ", "), t.assignments(),
		row("t", t.Compared)+" IS DISTINCT FROM "+row("excluded", t.Compared), opened,
		fresh, open, openRow)
}

// insertSQL inserts what is new where what is stored never changes, and counts it by its
// stamp. One look into the index for each row is all that it takes.
func (t Table) insertSQL() string {
	all := t.columns()
	scopeColumn, scopeValue := t.scopeOf("i")
	return fmt.Sprintf(`
WITH i AS %[1]s,
written AS (
    INSERT INTO alphapulse.%[2]s AS t (%[3]s, %[4]s%[5]s, run_id, as_of, observed_at)
    SELECT i.s_subject, %[6]s%[7]s, i.s_run, i.s_as_of, clock_timestamp() FROM i
    ON CONFLICT (%[3]s, %[8]s) DO NOTHING
    RETURNING %[9]s AS n)
SELECT n, count(*) FROM written GROUP BY n`,
		incomingOfSets(all), t.Name, t.Subject, each(all, "%s", ", "), scopeColumn,
		each(all, "i.%s", ", "), scopeValue, each(t.Key, "%s", ", "), t.stampOf("t"))
}

// scopeOf is the column of the scope and its value in an alias, to be added to the given
// columns; empty if it is one of them.
func (t Table) scopeOf(alias string) (column, value string) {
	if t.scopeIsGiven() {
		return "", ""
	}
	return ", " + t.Scope, ", " + alias + ".s_scope"
}

// assignments set the columns of a conflicting row.
func (t Table) assignments() string {
	assigned := append(append([]Column{}, t.Compared...), t.Market...)
	set := each(assigned, "%s = excluded.%s", ", ")
	for _, c := range t.Sticky {
		set += fmt.Sprintf(", %[1]s = coalesce(excluded.%[1]s, t.%[1]s)", c.Name)
	}
	return set
}
