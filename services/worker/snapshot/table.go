package snapshot

import (
	"fmt"
	"strings"
)

// Column is a column and the type its text is cast to.
type Column struct{ Name, Type string }

// LastRead is when a row was last seen to be as it is stored, for Moved: when its
// scope was last brought up to date or, if it never was, when the row itself was
// read.
const LastRead = `coalesce(nullif($4, timestamptz '0001-01-01Z'), t.as_of)`

// Never is the guard of a table whose rows stay as they were first stored. Without a
// history they are inserted by a statement that does not look at what is stored.
const Never = "false"

// Table describes a data table. Its history table has the same columns, with
// valid_from and valid_to in place of as_of.
type Table struct {
	Name    string // without the schema
	Subject string // account_id or market_id
	Scope   string // the column that holds the scope
	// Key is the key beside the subject. Rows are given in the order Key,
	// Compared, Market,
	// Sticky.
	Key      []Column
	Compared []Column
	// Market columns follow the market.
	Market []Column
	// Sticky columns are not compared either, and NULL keeps what is stored.
	Sticky []Column
	// Guard is a condition on t (stored) and i (incoming, read at i.s_as_of) under
	// which a stored row may be changed; empty: always.
	Guard string
	// NoHistory leaves the history to the caller.
	NoHistory bool

	// What follows is for comparing the table with the exchange.

	// Moved is a condition on t (stored, NULL if missing), i (incoming) and
	// LastRead under which a difference is one of time only; empty: when t is as it was written, by its history.
	Moved string
	// Open is a condition on t for the rows that a snapshot of the scope shows;
	// empty: all.
	Open string
	// Times are the columns that must all lie in a span for a row to be of it.
	Times []string
	// SpanScope is the condition on t and $2 for the rows of a scope's span;
	// empty: as for snapshots.
	SpanScope string
	// Forgotten is a condition on t for rows that the exchange may have
	// forgotten: they are never extra.
	Forgotten string
}

// columns are all columns of a row as it is given.
func (t Table) columns() []Column {
	all := append([]Column{}, t.Key...)
	all = append(all, t.Compared...)
	all = append(all, t.Market...)
	return append(all, t.Sticky...)
}

// width is how many columns a row has as it is given.
func (t Table) width() int { return len(t.Key) + len(t.Compared) + len(t.Market) + len(t.Sticky) }

// scopeIsGiven reports whether the scope is one of the given columns.
func (t Table) scopeIsGiven() bool {
	for _, c := range t.columns() {
		if c.Name == t.Scope {
			return true
		}
	}
	return false
}

// each writes the columns with a format that has one %s, joined by sep.
func each(columns []Column, format, sep string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = strings.ReplaceAll(format, "%s", c.Name)
	}
	return strings.Join(parts, sep)
}

// The parameters of the statements that compare, of one scope; the columns'
// arrays follow from $5.
const (
	subjectParam = "$1::uuid"
	scopeParam   = "$2::text"
	runParam     = "$3::uuid"
	asOfParam    = "$4::timestamptz"
	firstArray   = 5
)

// The parameters of the statements that write, of any number of scopes: a column
// of stamps each, and then, for each row, the number of its stamp, from 1. The
// columns' arrays follow from $6.
const (
	subjectsParam = "$1::uuid[]"
	scopesParam   = "$2::text[]"
	runsParam     = "$3::uuid[]"
	asOfsParam    = "$4::timestamptz[]"
	stampsParam   = "$5::integer[]"
	firstOfSets   = 6
)

// incoming is the FROM item i with every given column cast to its type.
func (t Table) incoming() string {
	casts, arrays := given(t.columns(), firstArray)
	return fmt.Sprintf("(SELECT %s FROM unnest(%s) AS u (%s))", casts, arrays, each(t.columns(), "%s", ", "))
}

// incomingOfSets is incoming for the first columns of rows of several scopes, each with
// its stamp in the columns s_subject, s_scope, s_run and s_as_of, and with its number in
// s_n.
func incomingOfSets(columns []Column) string {
	casts, arrays := given(columns, firstOfSets)
	return fmt.Sprintf(`(
    SELECT u.s_n, (%s)[u.s_n] AS s_subject, (%s)[u.s_n] AS s_scope, (%s)[u.s_n] AS s_run, (%s)[u.s_n] AS s_as_of, %s
    FROM unnest(%s, %s) AS u (s_n, %s))`,
		subjectsParam, scopesParam, runsParam, asOfsParam, casts, stampsParam, arrays, each(columns, "%s", ", "))
}

// given are columns of u cast to their types, where an empty text is NULL, and the
// parameters that they come in.
func given(columns []Column, first int) (casts, arrays string) {
	cast, array := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		array[i] = fmt.Sprintf("$%d::text[]", first+i)
		cast[i] = fmt.Sprintf("nullif(u.%[1]s, '')::%[2]s AS %[1]s", c.Name, c.Type)
	}
	return strings.Join(cast, ", "), strings.Join(array, ", ")
}

// keysMatch joins two aliases on the key.
func (t Table) keysMatch(a, b string) string {
	return each(t.Key, a+".%s = "+b+".%s", " AND ")
}

// row is a comparable tuple of columns.
func row(alias string, columns []Column) string {
	return "ROW(" + each(columns, alias+".%s", ", ") + ")"
}

// changed is the condition that what is compared differs between t and i.
func (t Table) changed() string {
	return row("t", t.Compared) + " IS DISTINCT FROM " + row("i", t.Compared)
}

// moved is the condition that a column differs which is brought up to date
// without counting as a change.
func (t Table) moved() string {
	condition := "false"
	if len(t.Market) > 0 {
		condition = row("t", t.Market) + " IS DISTINCT FROM " + row("i", t.Market)
	}
	for _, c := range t.Sticky {
		condition += fmt.Sprintf(" OR i.%[1]s <> coalesce(t.%[1]s, '')", c.Name)
	}
	return "(" + condition + ")"
}

func (t Table) guard() string {
	if t.Guard == "" {
		return "true"
	}
	return "(" + t.Guard + ")"
}
