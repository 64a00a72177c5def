package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// JobNews is a terminal job with something to announce: changed data, or that
// it is dead.
type JobNews struct {
	JobID        string
	RunID        string
	Subject      syncjob.Subject
	DataType     syncjob.DataType
	Status       syncjob.Status
	AsOf         *time.Time
	RowsChanged  int64
	RowsDeleted  int64
	ErrorClass   string
	ErrorMessage string
}

// UnannouncedJobs finds terminal jobs whose announcement nobody confirmed, that
// ended at least age ago.
func (l *Ledger) UnannouncedJobs(ctx context.Context, age time.Duration, limit int) ([]JobNews, error) {
	return l.jobNews(ctx, `j.announced_at IS NULL AND j.finished_at < (SELECT clock_timestamp() - $1::interval) ORDER BY j.finished_at LIMIT $2`,
		age, limit)
}

// JobNews gives the announcements of those jobs that have one to make.
func (l *Ledger) JobNews(ctx context.Context, jobIDs ...string) ([]JobNews, error) {
	return l.jobNews(ctx, `j.id = ANY ($1::uuid[]) AND coalesce(j.announced_at, '-infinity') = '-infinity'`, jobIDs)
}

func (l *Ledger) jobNews(ctx context.Context, where string, args ...any) ([]JobNews, error) {
	rows, err := l.db.Query(ctx, `
SELECT j.id, j.run_id, CASE WHEN j.account_id IS NULL THEN 'market' ELSE 'account' END, j.subject_id, j.data_type,
       j.status, j.as_of, j.rows_changed, j.rows_deleted, coalesce(j.error_class, ''), coalesce(j.error_message, '')
FROM alphapulse.sync_jobs j
WHERE j.finished_at IS NOT NULL AND (j.status = 'dead' OR j.rows_changed + j.rows_deleted > 0)
  AND `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("finding jobs to announce: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (JobNews, error) {
		var n JobNews
		err := row.Scan(&n.JobID, &n.RunID, &n.Subject.Kind, &n.Subject.ID, &n.DataType, &n.Status, &n.AsOf,
			&n.RowsChanged, &n.RowsDeleted, &n.ErrorClass, &n.ErrorMessage)
		return n, err
	})
}

// JobsAnnounced records that the broker has the announcements of these jobs. If
// the process dies before, they are announced again under the same message id.
func (l *Ledger) JobsAnnounced(ctx context.Context, ids []string) error {
	batch := &pgx.Batch{}
	batch.Queue(unflushed) // forgotten in a crash it is announced twice
	batch.Queue(markAnnounced("sync_jobs"), ids)
	return l.recordAnnounced(ctx, batch)
}

func (l *Ledger) recordAnnounced(ctx context.Context, batch *pgx.Batch) error {
	if err := l.db.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("recording announcements: %w", err)
	}
	return nil
}

// markAnnounced marks rows in the order of their ids, as whoever does the same does: so
// a lock of its own for each, which is a record in the log, is not needed.
func markAnnounced(table string) string {
	return `
UPDATE alphapulse.` + table + ` t SET announced_at = clock_timestamp()
FROM (SELECT id FROM unnest($1::uuid[]) id ORDER BY id) a
WHERE ` + keyed("t.id", "a.id") + ` AND t.announced_at IS NULL`
}
