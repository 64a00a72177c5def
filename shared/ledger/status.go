package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Freshness is how fresh one data type of one account is.
type Freshness struct {
	AccountID     string
	Account       string
	AccountStatus AccountStatus
	DataType      string
	Every         time.Duration
	Stretch       float64
	LastAttemptAt *time.Time
	LastSuccessAt *time.Time
	AsOf          *time.Time
	Age           *time.Duration
	Stale         bool
	Complete      bool
	Failures      int
	ErrorClass    string
	ErrorMessage  string
	Superseded    int
	Skipped       int64
}

// Freshness reads account_freshness, of one account or (name "") of all.
func (l *Ledger) Freshness(ctx context.Context, name string) ([]Freshness, error) {
	const query = `
SELECT account_id, account, account_status, data_type, every, stretch::double precision, last_attempt_at,
       last_success_at, as_of, age, stale, complete, consecutive_failures, coalesce(last_error_class, ''),
       coalesce(last_error_message, ''), superseded_in_row, skipped
FROM alphapulse.account_freshness
WHERE $1 = '' OR account = $1
ORDER BY account, array_position($2::text[], data_type)`
	rows, err := l.db.Query(ctx, query, name, typeNames(syncjob.Known()))
	if err != nil {
		return nil, fmt.Errorf("reading freshness: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Freshness])
}

// UnreadScope is a scope that the last walk did not read to its end.
type UnreadScope struct {
	Account  string
	DataType string
	Scope    string
	Class    string
	Code     string
	Message  string
	At       *time.Time
}

// UnreadScopes lists the scopes of an account, or (name "") of all, that are
// not complete, with the reason. A market's are listed with each account.
func (l *Ledger) UnreadScopes(ctx context.Context, name string) ([]UnreadScope, error) {
	const query = `
SELECT a.name, c.data_type, c.scope, coalesce(c.error_class, ''), coalesce(c.error_code, ''),
       coalesce(c.error_message, ''), c.error_at
FROM alphapulse.sync_scopes c
JOIN alphapulse.accounts a ON c.subject_id IN (a.id, a.market_id)
WHERE a.status <> 'removed' AND NOT c.complete AND ($1 = '' OR a.name = $1)
ORDER BY a.name, c.data_type, c.scope`
	rows, err := l.db.Query(ctx, query, name)
	if err != nil {
		return nil, fmt.Errorf("reading unread scopes: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[UnreadScope])
}
