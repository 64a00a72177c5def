// Package data reads the rows of the data tables into messages of the API.
//
// Numbers leave Postgres as text, so that nothing rounds them on the way, and a
// NULL stays one. Of the past the functions balances_at, positions_at and
// orders_at are asked, which refuse an instant whose rows were pruned.
package data

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Querier is a pool, of the primary or of a replica.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Reader reads the rows of one account.
type Reader struct {
	DB        Querier
	AccountID string
	// At is an instant of the past; zero: now.
	At time.Time
}

// from is the table, or the function that gives it as it was. Its arguments are
// always $1 and $2, so that those of a filter begin at $3.
func (r Reader) from(table string) (sql string, args []any) {
	if r.At.IsZero() {
		return "(SELECT * FROM alphapulse." + table + " WHERE account_id = $1 AND $2::timestamptz IS NULL) t", []any{r.AccountID, nil}
	}
	return "alphapulse." + table + "_at($1::uuid, $2) t", []any{r.AccountID, r.At}
}

// collect reads rows into messages.
func collect[M any](
	ctx context.Context, db Querier, what, sql string, args []any, scan func(pgx.CollectableRow, *M) error,
) ([]*M, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*M, error) {
		m := new(M)
		return m, scan(row, m)
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return list, nil
}

// moment takes a time that may be NULL into a message.
type moment struct{ into **timestamppb.Timestamp }

// Scan implements database/sql's Scanner, which pgx honours.
func (m moment) Scan(value any) error {
	switch at := value.(type) {
	case nil:
		*m.into = nil
	case time.Time:
		*m.into = timestamppb.New(at)
	default:
		return fmt.Errorf("%T is no time", value)
	}
	return nil
}
