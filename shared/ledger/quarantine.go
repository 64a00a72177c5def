package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// quarantineRetention is how long a row that is not met again is kept.
const quarantineRetention = 90 * 24 * time.Hour

// QuarantineRow is a row of the exchange that was not understood.
type QuarantineRow struct {
	ID          int64
	Subject     syncjob.Subject
	Account     string // name; "" for a market's row
	DataType    syncjob.DataType
	Scope       string
	RowKey      string // as far as it could be read
	Reason      string
	Payload     string // as sent, secrets redacted
	RunID       string // of the last run that met it
	FirstSeenAt time.Time
	LastSeenAt  time.Time
	Seen        int64
	RetriedAt   *time.Time // the last retry, which did not understand it either
}

const selectQuarantine = `
SELECT q.id, CASE WHEN q.account_id IS NULL THEN 'market' ELSE 'account' END, q.subject_id, coalesce(a.name, ''),
       q.data_type, q.scope, q.row_key, q.reason, q.payload, q.run_id, q.first_seen_at, q.last_seen_at, q.seen,
       q.retried_at
FROM alphapulse.quarantine q LEFT JOIN alphapulse.accounts a ON a.id = q.account_id`

func scanQuarantine(row pgx.CollectableRow) (QuarantineRow, error) {
	var q QuarantineRow
	err := row.Scan(&q.ID, &q.Subject.Kind, &q.Subject.ID, &q.Account, &q.DataType, &q.Scope, &q.RowKey, &q.Reason,
		&q.Payload, &q.RunID, &q.FirstSeenAt, &q.LastSeenAt, &q.Seen, &q.RetriedAt)
	return q, err
}

// QuarantineFilter narrows QuarantineRows. Zero fields match everything.
type QuarantineFilter struct {
	SubjectID string // an account or a market
	DataType  syncjob.DataType
	BeforeID  int64 // rows with a smaller id, for paging
	Limit     int   // at most; 0: 100
}

// QuarantineRows lists rows in quarantine, the newest first.
func (l *Ledger) QuarantineRows(ctx context.Context, f QuarantineFilter) ([]QuarantineRow, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	rows, err := l.db.Query(ctx, selectQuarantine+`
WHERE ($1 = '' OR q.subject_id = nullif($1, '')::uuid) AND ($2 = '' OR q.data_type = $2) AND ($3 = 0 OR q.id < $3)
ORDER BY q.id DESC LIMIT $4`, f.SubjectID, string(f.DataType), f.BeforeID, f.Limit)
	if err != nil {
		return nil, notFound(err, "quarantine of %s", f.SubjectID)
	}
	found, err := pgx.CollectRows(rows, scanQuarantine)
	if err != nil {
		return nil, notFound(err, "quarantine of %s", f.SubjectID)
	}
	return found, nil
}

// QuarantineRow reads one row in quarantine.
func (l *Ledger) QuarantineRow(ctx context.Context, id int64) (QuarantineRow, error) {
	rows, err := l.db.Query(ctx, selectQuarantine+` WHERE q.id = $1`, id)
	if err != nil {
		return QuarantineRow{}, notFound(err, "row %d in quarantine", id)
	}
	row, err := pgx.CollectExactlyOneRow(rows, scanQuarantine)
	return row, notFound(err, "row %d in quarantine", id)
}

// DropQuarantine deletes rows in quarantine and returns how many there were. A
// row that the exchange sends again comes back.
func (l *Ledger) DropQuarantine(ctx context.Context, ids []int64) (int, error) {
	const drop = `
DELETE FROM alphapulse.quarantine
WHERE id = ANY (ARRAY(SELECT id FROM alphapulse.quarantine WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE))`
	tag, err := l.db.Exec(ctx, drop, ids)
	if err != nil {
		return 0, fmt.Errorf("dropping rows from quarantine: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// PruneQuarantine deletes rows of snapshots that were not met again for 90 days.
// Those of histories stay until somebody retries or drops them: their windows
// count as covered, so that nothing would bring them again.
func (l *Ledger) PruneQuarantine(ctx context.Context, limit int) (int, error) {
	const prune = `
DELETE FROM alphapulse.quarantine
WHERE id = ANY (ARRAY(SELECT id FROM alphapulse.quarantine
                      WHERE last_seen_at < (SELECT clock_timestamp() - $1::interval)
                        AND data_type <> ALL ($3)
                      ORDER BY last_seen_at LIMIT $2 FOR UPDATE SKIP LOCKED))`
	tag, err := l.db.Exec(ctx, prune, quarantineRetention, limit,
		strings.Split(syncjob.JoinTypes(append(syncjob.Histories(), syncjob.Candles)), ","))
	if err != nil {
		return 0, fmt.Errorf("pruning the quarantine: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
