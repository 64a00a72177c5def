// Package export gives whole tables to people: as CSV or as Parquet, at one
// instant, straight from Postgres.
//
// Every table and view of the schema can be had, except those that hold secrets
// and the program's own machinery. Numbers are exact: CSV has the digits that
// Postgres has, and Parquet has them as text, since its decimals are bounded.
package export

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// ErrNoTable is a table that does not exist or is not given away.
var ErrNoTable = errors.New("there is no such table to export")

// kept are the tables that stay: secrets, what needs another scope to be read,
// and what only the program understands.
func kept() []string {
	return []string{"account_credentials", "api_tokens", "audit_log", "idempotency_keys", "goose_db_version"}
}

// times are the columns that since and until are about, the best first.
func times() []string {
	return []string{
		"executed_at", "occurred_at", "valid_from", "closed_at", "created_at", "queued_at", "opened_at", "ended_at", "at",
		"first_seen_at", "as_of",
	}
}

// Table is what can be exported.
type Table struct {
	Name       string
	View       bool
	ByAccount  bool   // it has a column account_id
	TimeColumn string // empty: it has none
	columns    []string
}

// Tables lists what can be exported, by name.
func Tables(ctx context.Context, db *postgres.DB) ([]Table, error) {
	const find = `
SELECT c.relname, c.relkind = 'v', array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = 'alphapulse' AND c.relkind IN ('r', 'v', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  AND c.relname <> ALL ($1) AND c.relpersistence <> 'u'
GROUP BY c.relname, c.relkind ORDER BY c.relname`
	rows, err := db.Query(ctx, find, kept())
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Table, error) {
		var t Table
		if err := row.Scan(&t.Name, &t.View, &t.columns); err != nil {
			return t, err
		}
		t.ByAccount = slices.Contains(t.columns, "account_id")
		for _, column := range times() {
			if slices.Contains(t.columns, column) {
				t.TimeColumn = column
				break
			}
		}
		return t, nil
	})
}

// Find finds a table by its name.
func Find(ctx context.Context, db *postgres.DB, name string) (Table, error) {
	all, err := Tables(ctx, db)
	if err != nil {
		return Table{}, err
	}
	for _, t := range all {
		if t.Name == name {
			return t, nil
		}
	}
	return Table{}, fmt.Errorf("%w: %.60q", ErrNoTable, name)
}

// Rows selects the rows of a table; what is zero matches everything.
type Rows struct {
	AccountID    string // a UUID
	Since, Until time.Time
}

// query is the statement. COPY takes no arguments, so that what a caller gave
// stands in the text: a UUID and times, in forms of our own.
func (t Table) query(r Rows) string {
	var conditions []string
	if r.AccountID != "" {
		conditions = append(conditions, "account_id = '"+strings.ReplaceAll(r.AccountID, "'", "''")+"'::uuid")
	}
	column := pgx.Identifier{t.TimeColumn}.Sanitize()
	if !r.Since.IsZero() {
		conditions = append(conditions, column+" >= '"+r.Since.UTC().Format(time.RFC3339Nano)+"'::timestamptz")
	}
	if !r.Until.IsZero() {
		conditions = append(conditions, column+" < '"+r.Until.UTC().Format(time.RFC3339Nano)+"'::timestamptz")
	}
	sql := "SELECT * FROM " + pgx.Identifier{"alphapulse", t.Name}.Sanitize()
	if len(conditions) > 0 {
		sql += " WHERE " + strings.Join(conditions, " AND ")
	}
	return sql
}
