package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// moving is the condition that a run's deadline moves on with what it does.
// Such a run has no known length: it may be a year of windows.
const moving = `trigger IN ('backfill', 'verify', 'repair', 'replay')`

// extendMoving gives runs whose deadline is near the time that their progress
// earns: a span from the last job that ended or from the end of the wait that
// the exchange named, of any such run of the account, because one may have to
// wait until another has no job held back any more. It comes so early that the
// deadline of a run that moves never passes. A run in which nothing moves for
// the span is left to expire.
func (l *Ledger) extendMoving(ctx context.Context, limit int) error {
	extend := `
WITH late AS (
    SELECT id, subject_id FROM alphapulse.sync_runs
    WHERE status = 'running' AND ` + moving + ` AND deadline_at < (SELECT clock_timestamp() + interval '10 minutes')
    ORDER BY deadline_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED),
moved AS (
    SELECT late.id, max(greatest(j.finished_at, CASE WHEN j.status = 'waiting' AND j.wait_reason IN ('exchange', 'paused')
                                                     THEN j.next_at END)) AS at
    FROM late
    JOIN alphapulse.sync_runs o ON o.subject_id = late.subject_id AND o.status = 'running' AND o.` + moving + `
    CROSS JOIN LATERAL (SELECT finished_at, status, wait_reason, next_at FROM alphapulse.sync_jobs
                        WHERE run_id = o.id OFFSET 0) j
    GROUP BY late.id)
UPDATE alphapulse.sync_runs r
SET deadline_at = moved.at + CASE r.trigger WHEN 'backfill' THEN $2::interval ELSE $3::interval END
FROM moved
WHERE ` + keyed("r.id", "moved.id") + `
  AND r.deadline_at < moved.at + CASE r.trigger WHEN 'backfill' THEN $2::interval ELSE $3::interval END`
	_, err := l.db.Exec(ctx, extend, limit,
		syncjob.RunDeadline(syncjob.TriggerBackfill, 0), syncjob.RunDeadline(syncjob.Repair, 0))
	if err != nil {
		return fmt.Errorf("extending the deadlines of runs that move: %w", err)
	}
	return nil
}

// expire ends a run at its deadline, unless that has moved on meanwhile.
func (l *Ledger) expire(ctx context.Context, runID string) error {
	return l.endIf(ctx, runID, syncjob.CancelDeadline, func(ctx context.Context, tx pgx.Tx) (bool, error) {
		const read = `SELECT deadline_at < clock_timestamp() FROM alphapulse.sync_runs WHERE id = $1`
		var over bool
		err := tx.QueryRow(ctx, read, runID).Scan(&over)
		return over, err
	})
}
