package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Attention is what a person should know of an account beside its freshness.
type Attention struct {
	AccountID   string
	Quarantined int64
	ProbedAt    *time.Time // the last probe that passed
	// VerifyRun is the verification to speak of: the last one that found drift
	// which nothing has mended since, else the last one; "" without any.
	VerifyRun string
	VerifyAt  *time.Time
	Compared  int64
	Drifted   int64
}

// AttentionOf reads it of one account, or (name "") of all.
//
// Drift counts until a repair has succeeded, or a verification of as many
// windows found none: one that samples fewer proves nothing.
func (l *Ledger) AttentionOf(ctx context.Context, name string) ([]Attention, error) {
	const query = `
SELECT a.id, (SELECT count(*) FROM alphapulse.quarantine q WHERE q.account_id = a.id), p.last_success_at,
       coalesce(v.id::text, ''), v.finished_at, coalesce(v.compared, 0), coalesce(v.drifted, 0)
FROM alphapulse.accounts a
LEFT JOIN alphapulse.sync_state p ON p.subject_id = a.id AND p.data_type = 'probe'
LEFT JOIN LATERAL (
    SELECT r.id, r.finished_at, s.compared, s.drifted
    FROM alphapulse.sync_runs r, LATERAL (
        SELECT sum(c.rows_compared)::bigint AS compared, sum(c.rows_drifted)::bigint AS drifted
        FROM alphapulse.sync_jobs j JOIN alphapulse.verifications c ON c.job_id = j.id WHERE j.run_id = r.id) s
    WHERE r.subject_id = a.id AND r.trigger = 'verify' AND r.finished_at IS NOT NULL
    ORDER BY s.drifted > 0 AND NOT EXISTS (
                 SELECT FROM alphapulse.sync_runs m
                 WHERE m.subject_id = a.id AND m.trigger = 'repair' AND m.finished_at > r.finished_at
                   AND m.status = 'succeeded'
                   AND EXISTS (SELECT FROM alphapulse.sync_jobs j WHERE j.run_id = m.id AND j.params IS NULL))
             AND NOT EXISTS (
                 SELECT FROM alphapulse.sync_runs w
                 WHERE w.subject_id = a.id AND w.trigger = 'verify' AND w.finished_at > r.finished_at
                   AND w.status = 'succeeded' AND w.jobs_total >= r.jobs_total
                   AND NOT EXISTS (SELECT FROM alphapulse.sync_jobs j JOIN alphapulse.drift d ON d.job_id = j.id
                                   WHERE j.run_id = w.id)) DESC NULLS LAST,
             r.finished_at DESC
    LIMIT 1) v ON true
WHERE a.status <> 'removed' AND ($1 = '' OR a.name = $1)`
	rows, err := l.db.Query(ctx, query, name)
	if err != nil {
		return nil, fmt.Errorf("reading what needs attention: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Attention])
}

// TypeCoverage says in one word how complete a history is.
type TypeCoverage struct {
	AccountID string
	DataType  syncjob.DataType
	Word      string // complete, gaps, or none while nothing is covered
}

// CoverageWords reads it of one account, or (name "") of all. It looks between
// the first and the last instant covered; Coverage tells more.
func (l *Ledger) CoverageWords(ctx context.Context, name string) ([]TypeCoverage, error) {
	const query = `
SELECT c.account_id, c.data_type,
       CASE WHEN bool_or(c.holed) THEN 'gaps' WHEN bool_and(isempty(c.covered)) THEN 'none' ELSE 'complete' END
FROM alphapulse.sync_coverage c JOIN alphapulse.accounts a ON a.id = c.account_id
WHERE a.status <> 'removed' AND c.unreadable IS NULL AND ($1 = '' OR a.name = $1)
GROUP BY c.account_id, c.data_type`
	rows, err := l.db.Query(ctx, query, name)
	if err != nil {
		return nil, fmt.Errorf("reading coverage: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[TypeCoverage])
}

// QuarantineCount counts the rows that QuarantineRows would list without a
// limit.
func (l *Ledger) QuarantineCount(ctx context.Context, f QuarantineFilter) (int64, error) {
	const query = `
SELECT count(*) FROM alphapulse.quarantine
WHERE ($1 = '' OR subject_id = nullif($1, '')::uuid) AND ($2 = '' OR data_type = $2)`
	var n int64
	if err := l.db.QueryRow(ctx, query, f.SubjectID, string(f.DataType)).Scan(&n); err != nil {
		return 0, notFound(err, "quarantine of %s", f.SubjectID)
	}
	return n, nil
}
