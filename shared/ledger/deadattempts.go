package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Attempt is one attempt of a job that failed or was lost.
type Attempt struct {
	Attempt      int
	Owner        string
	StartedAt    *time.Time
	EndedAt      time.Time
	ErrorClass   string
	ErrorCode    string
	ErrorMessage string
}

// Attempts lists the attempts of a job that failed or were lost, oldest first.
func (l *Ledger) Attempts(ctx context.Context, jobID string) ([]Attempt, error) {
	const read = `
SELECT attempt, coalesce(owner, ''), started_at, ended_at, error_class, coalesce(error_code, ''), coalesce(error_message, '')
FROM alphapulse.sync_attempts WHERE job_id = $1 ORDER BY ended_at, attempt`
	rows, err := l.db.Query(ctx, read, jobID)
	if err != nil {
		return nil, notFound(err, "attempts of job %s", jobID)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Attempt])
	return found, notFound(err, "attempts of job %s", jobID)
}

// Payload is what the exchange sent and was not understood, redacted.
type Payload struct {
	Scope        string
	ErrorClass   string
	ErrorMessage string
	Payload      string
	At           time.Time
}

// Payloads gives what is still kept of what a job could not read: the last
// payload of each scope of its subject and type, if that came while the job was
// at work, and its run's rows in quarantine. Of a scope that was read since
// nothing is left.
func (l *Ledger) Payloads(ctx context.Context, jobID string, limit int) ([]Payload, error) {
	const read = `
SELECT s.scope, coalesce(s.error_class, ''), coalesce(s.error_message, ''), s.error_payload, s.error_at
FROM alphapulse.sync_jobs j
JOIN alphapulse.sync_scopes s ON s.subject_id = j.subject_id AND s.data_type = j.data_type
WHERE j.id = $1 AND s.error_payload <> '' AND s.error_at >= j.started_at
  AND s.error_at <= coalesce(j.finished_at, clock_timestamp()) + interval '5 seconds'
UNION ALL
SELECT q.scope, 'incomplete', trim(q.row_key || ' ' || q.reason), q.payload, q.last_seen_at
FROM alphapulse.sync_jobs j
JOIN alphapulse.quarantine q ON q.subject_id = j.subject_id AND q.data_type = j.data_type AND q.run_id = j.run_id
WHERE j.id = $1
ORDER BY 5, 1 LIMIT $2`
	rows, err := l.db.Query(ctx, read, jobID, limit)
	if err != nil {
		return nil, notFound(err, "payloads of job %s", jobID)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Payload])
	return found, notFound(err, "payloads of job %s", jobID)
}

// Obituary is what the table knows of the announcement of a dead job.
type Obituary struct {
	DiedAt    time.Time
	Announced bool
}

// Obituaries lists all dead jobs that are kept, by id.
func (l *Ledger) Obituaries(ctx context.Context) (map[string]Obituary, error) {
	rows, err := l.db.Query(ctx, `
SELECT id, finished_at, announced_at IS NOT NULL FROM alphapulse.sync_jobs WHERE status = 'dead'`)
	if err != nil {
		return nil, fmt.Errorf("reading dead jobs: %w", err)
	}
	found := map[string]Obituary{}
	var id string
	var o Obituary
	_, err = pgx.ForEachRow(rows, []any{&id, &o.DiedAt, &o.Announced}, func() error { found[id] = o; return nil })
	if err != nil {
		return nil, fmt.Errorf("reading dead jobs: %w", err)
	}
	return found, nil
}

// AnnounceAgain has the sweep announce dead jobs once more whose obituaries the
// broker has lost. It returns how many.
func (l *Ledger) AnnounceAgain(ctx context.Context, jobIDs []string) (int, error) {
	const update = `
UPDATE alphapulse.sync_jobs j SET announced_at = NULL
FROM (SELECT id FROM alphapulse.sync_jobs WHERE id = ANY ($1::uuid[]) AND status = 'dead' AND announced_at IS NOT NULL
      ORDER BY id FOR NO KEY UPDATE) d
WHERE j.id = d.id`
	tag, err := l.db.Exec(ctx, update, jobIDs)
	if err != nil {
		return 0, fmt.Errorf("having dead jobs announced again: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
