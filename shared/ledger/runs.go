package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Run is one all-sync status record.
type Run struct {
	ID         string
	Subject    syncjob.Subject
	Account    string // name; "" for a market's run
	Types      []string
	Trigger    syncjob.Trigger
	Status     syncjob.RunStatus
	Follows    string
	Total      int
	Succeeded  int
	Partial    int
	Failed     int
	Dead       int
	Skipped    int
	Cancelled  int
	Changed    int64
	CreatedAt  time.Time
	StartedAt  *time.Time
	DeadlineAt *time.Time
	FinishedAt *time.Time

	outbox int64 // the row of the outbox that the fold has put it in; 0: not known
}

const selectRun = `SELECT ` + runFields + runSource

// The columns that scanRun reads, and where they come from.
const (
	runFields = `
       r.id, CASE WHEN r.account_id IS NULL THEN 'market' ELSE 'account' END, r.subject_id, coalesce(a.name, ''),
       r.requested_types, r.trigger, r.status, coalesce(r.follows::text, ''), r.jobs_total, r.jobs_succeeded,
       r.jobs_partial, r.jobs_failed, r.jobs_dead, r.jobs_skipped, r.jobs_cancelled, r.rows_changed, r.created_at,
       r.started_at, r.deadline_at, r.finished_at`
	runSource = `
FROM alphapulse.sync_runs r
LEFT JOIN LATERAL (SELECT name FROM alphapulse.accounts WHERE id = r.account_id OFFSET 0) a ON true`
)

func scanRun(row pgx.CollectableRow) (Run, error) {
	var r Run
	err := row.Scan(r.columns()...)
	return r, err
}

// columns are where runFields are scanned to.
func (r *Run) columns() []any {
	return []any{
		&r.ID, &r.Subject.Kind, &r.Subject.ID, &r.Account, &r.Types, &r.Trigger, &r.Status, &r.Follows,
		&r.Total, &r.Succeeded, &r.Partial, &r.Failed, &r.Dead, &r.Skipped, &r.Cancelled, &r.Changed, &r.CreatedAt,
		&r.StartedAt, &r.DeadlineAt, &r.FinishedAt,
	}
}

// Run reads one run.
func (l *Ledger) Run(ctx context.Context, id string) (Run, error) {
	rows, err := l.db.Query(ctx, selectRun+` WHERE r.id = $1`, id)
	if err != nil {
		return Run{}, notFound(err, "run %s", id)
	}
	run, err := pgx.CollectExactlyOneRow(rows, scanRun)
	return run, notFound(err, "run %s", id)
}

// RunFilter narrows Runs. Zero fields match everything.
type RunFilter struct {
	SubjectID string
	Status    syncjob.RunStatus
	Trigger   syncjob.Trigger
	Before    time.Time // runs created before this time, for paging
	Limit     int       // at most; 0: 50
}

// Runs lists runs, newest first.
func (l *Ledger) Runs(ctx context.Context, f RunFilter) ([]Run, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	rows, err := l.db.Query(ctx, selectRun+`
WHERE ($1 = '' OR r.subject_id = nullif($1, '')::uuid)
  AND ($2 = '' OR r.status = $2) AND ($3 = '' OR r.trigger = $3)
  AND ($4::timestamptz IS NULL OR r.created_at < $4)
ORDER BY r.created_at DESC LIMIT $5`,
		f.SubjectID, string(f.Status), string(f.Trigger), nullTime(f.Before), f.Limit)
	if err != nil {
		return nil, fmt.Errorf("listing runs: %w", err)
	}
	return pgx.CollectRows(rows, scanRun)
}

// Job is one job as a run's reader sees it.
type Job struct {
	ID           string
	DataType     syncjob.DataType
	Lane         syncjob.Lane
	Status       syncjob.Status
	WaitReason   string
	CancelReason string
	Attempt      int
	MaxAttempts  int
	Owner        string
	ErrorClass   string
	ErrorCode    string
	ErrorMessage string
	RowsFetched  int64
	RowsChanged  int64
	RowsDeleted  int64
	Requests     int64
	AsOf         *time.Time
	NextAt       *time.Time
	QueuedAt     time.Time
	StartedAt    *time.Time
	FinishedAt   *time.Time
	Window       *Window // of a history; nil: what is now
}

// Jobs reads the jobs of a run in the order of their types.
func (l *Ledger) Jobs(ctx context.Context, runID string) ([]Job, error) {
	const query = `
SELECT id, data_type, lane, status, coalesce(wait_reason, ''), coalesce(cancel_reason, ''), attempt, max_attempts,
       coalesce(owner, ''), coalesce(error_class, ''), coalesce(error_code, ''), coalesce(error_message, ''),
       rows_fetched, rows_changed, rows_deleted, exchange_requests, as_of,
       CASE WHEN next_at < 'infinity' THEN next_at END, queued_at, started_at, finished_at, "window"
FROM alphapulse.sync_jobs WHERE run_id = $1
ORDER BY array_position($2::text[], data_type), lower("window") NULLS FIRST, queued_at, id`
	rows, err := l.db.Query(ctx, query, runID, typeNames(syncjob.Known()))
	if err != nil {
		return nil, notFound(err, "jobs of run %s", runID)
	}
	jobs, err := pgx.CollectRows(rows, scanJob)
	if err != nil {
		return nil, notFound(err, "jobs of run %s", runID)
	}
	return jobs, nil
}

func scanJob(row pgx.CollectableRow) (Job, error) {
	var j Job
	var window *pgtype.Range[pgtype.Timestamptz]
	err := row.Scan(&j.ID, &j.DataType, &j.Lane, &j.Status, &j.WaitReason, &j.CancelReason, &j.Attempt, &j.MaxAttempts,
		&j.Owner, &j.ErrorClass, &j.ErrorCode, &j.ErrorMessage, &j.RowsFetched, &j.RowsChanged, &j.RowsDeleted, &j.Requests,
		&j.AsOf, &j.NextAt, &j.QueuedAt, &j.StartedAt, &j.FinishedAt, &window)
	j.Window = optionalWindow(window)
	return j, err
}
