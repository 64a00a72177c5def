package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Fold ends a run all of whose jobs are terminal, and reports whether it did. A
// run that is growing waits for the jobs that are yet to come.
// It waits for the run's lock. The counts are read in a statement after the
// lock, and so after any change of a job that the lock waited for.
func (l *Ledger) Fold(ctx context.Context, runID string) (folded bool, err error) {
	err = l.db.InTx(ctx, "fold run", func(ctx context.Context, tx pgx.Tx) error {
		if err := lockProbedAccount(ctx, tx, runID); err != nil {
			return notFound(err, "run %s", runID)
		}
		const lock = `SELECT status, growing FROM alphapulse.sync_runs WHERE id = $1 FOR NO KEY UPDATE`
		var status syncjob.RunStatus
		var growing bool
		if err := tx.QueryRow(ctx, lock, runID).Scan(&status, &growing); err != nil {
			return notFound(err, "run %s", runID)
		}
		if status != syncjob.RunRunning {
			folded = false
			return nil
		}
		if growing {
			folded = false
			return nil
		}
		folded, err = foldLocked(ctx, tx, runID)
		return err
	})
	return folded, err
}

// counts are the outcomes of a run's jobs.
type counts struct {
	ended   []syncjob.Ended
	by      map[syncjob.Status]int
	changed int64
}

// foldLocked stores the status and the counts of a run whose lock is held (and
// its account's, if it is a probe), if all its jobs are terminal, and lets the
// run that follows it start.
func foldLocked(ctx context.Context, tx pgx.Tx, runID string) (bool, error) {
	c, err := readCounts(ctx, tx, runID)
	if err != nil {
		return false, err
	}
	status := syncjob.Fold(c.ended)
	if status == syncjob.RunRunning {
		return false, nil
	}
	if err := rejectEndedProbe(ctx, tx, runID); err != nil {
		return false, err
	}
	const update = `
UPDATE alphapulse.sync_runs
SET status = $2, jobs_succeeded = $3, jobs_partial = $4, jobs_failed = $5, jobs_dead = $6, jobs_skipped = $7,
    jobs_cancelled = $8, rows_changed = $9, finished_at = clock_timestamp()
WHERE id = $1 AND status || '' = 'running'`
	_, err = tx.Exec(ctx, update, runID, string(status), c.by[syncjob.Succeeded], c.by[syncjob.Partial],
		c.by[syncjob.Failed], c.by[syncjob.Dead], c.by[syncjob.Skipped], c.by[syncjob.Cancelled], c.changed)
	if err != nil {
		return false, fmt.Errorf("storing the status of run %s: %w", runID, err)
	}
	if _, err := tx.Exec(ctx, putOut, []string{runID}); err != nil {
		return false, fmt.Errorf("putting run %s into the outbox: %w", runID, err)
	}
	if err := startFollowers(ctx, tx, []string{runID}); err != nil {
		return false, err
	}
	postgres.Hint(ctx, ChannelRuns, runID)
	return true, nil
}

func (c *counts) add(job syncjob.Ended) {
	c.ended = append(c.ended, job)
	c.by[job.Status]++
}

func readCounts(ctx context.Context, tx pgx.Tx, runID string) (counts, error) {
	const read = `
SELECT status, coalesce(cancel_reason, ''), rows_changed + rows_deleted
FROM alphapulse.sync_jobs WHERE run_id = $1`
	c := counts{by: map[syncjob.Status]int{}}
	rows, err := tx.Query(ctx, read, runID)
	if err == nil {
		var job syncjob.Ended
		var changed int64
		_, err = pgx.ForEachRow(rows, []any{&job.Status, &job.Cancel, &changed}, func() error {
			c.add(job)
			c.changed += changed
			return nil
		})
	}
	if err != nil {
		return counts{}, fmt.Errorf("reading the jobs of run %s: %w", runID, err)
	}
	return c, nil
}

// startFollowers starts the runs that waited for these and whose wait is over: their
// deadlines begin and their jobs become due.
func startFollowers(ctx context.Context, tx pgx.Tx, runIDs []string) error {
	tag, err := tx.Exec(ctx, startFollowing, runIDs, syncjob.RunDeadline(syncjob.Manual, 0))
	if err != nil {
		return fmt.Errorf("starting the runs that follow: %w", err)
	}
	hinted(ctx, tag)
	return nil
}

const startFollowing = `
WITH started AS (
    UPDATE alphapulse.sync_runs f SET started_at = clock_timestamp(), deadline_at = clock_timestamp() + $2::interval
    WHERE follows = ANY ($1::uuid[]) AND status || '' = 'running' AND started_at IS NULL
      AND (SELECT status FROM alphapulse.sync_runs WHERE id = f.follows) <> 'running'
    RETURNING id),
due AS (
    UPDATE alphapulse.sync_jobs j SET next_at = clock_timestamp(), queued_at = clock_timestamp()
    WHERE j.run_id = ANY (ARRAY(SELECT id FROM started)) AND j.status || '' = 'queued' AND j.next_at = 'infinity'
    RETURNING 1)
SELECT 1 FROM due LIMIT 1`
