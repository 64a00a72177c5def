package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// follow does what an outcome entails, in its transaction: the failed attempt
// is recorded, the state of the data type brought up to date, a waiting sibling
// woken, the next window that was held back let go, and what a market's success
// made pointless skipped.
func follow(ctx context.Context, tx pgx.Tx, job *Claimed, out Outcome) error {
	if out.failed() {
		if err := recordAttempt(ctx, tx, job, out); err != nil {
			return err
		}
	}
	if job.Lane == syncjob.Live && job.DataType != syncjob.Probe {
		if err := updateState(ctx, tx, job, out); err != nil {
			return err
		}
	}
	if err := wakeSibling(ctx, tx, job.Subject.ID, string(job.DataType), string(job.Lane)); err != nil {
		return err
	}
	if out.Status != syncjob.Waiting {
		if _, err := letGo(ctx, tx, job.Subject.ID, string(job.DataType), string(job.Lane)); err != nil {
			return err
		}
	}
	if job.Subject.Kind == syncjob.Market && out.Status == syncjob.Succeeded && job.Lane == syncjob.Live {
		return skipQueued(ctx, tx, job, out)
	}
	return nil
}

func recordAttempt(ctx context.Context, tx pgx.Tx, job *Claimed, out Outcome) error {
	const insert = `
INSERT INTO alphapulse.sync_attempts (claim, job_id, attempt, owner, started_at, error_class, error_code, error_message)
SELECT $2, id, $3, owner, claimed_at, $4, nullif($5, ''), nullif($6, '')
FROM alphapulse.sync_jobs WHERE id = $1
ON CONFLICT (claim) DO NOTHING`
	_, err := tx.Exec(ctx, insert, job.JobID, job.Claim, job.Attempt, string(out.Class), out.Code, out.Message)
	if err != nil {
		return fmt.Errorf("recording the attempt: %w", err)
	}
	return nil
}

// updateState keeps sync_state: last_success_at and as_of never go backwards,
// and only attempts that failed count as failures.
func updateState(ctx context.Context, tx pgx.Tx, job *Claimed, out Outcome) error {
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.sync_state AS s
    (%s, data_type, last_attempt_at, last_success_at, as_of, consecutive_failures, last_error_class,
     last_error_message, superseded_in_row, exchange_requests)
VALUES ($1, $2, clock_timestamp(), CASE WHEN $3 THEN clock_timestamp() END, $4, CASE WHEN $5 THEN 1 ELSE 0 END,
        nullif($6, ''), nullif($7, ''), CASE WHEN $8 THEN 1 ELSE 0 END, nullif($9, 0))
ON CONFLICT (subject_id, data_type) DO UPDATE
SET last_attempt_at = excluded.last_attempt_at,
    last_success_at = greatest(s.last_success_at, excluded.last_success_at),
    as_of = greatest(s.as_of, excluded.as_of),
    consecutive_failures = CASE WHEN $5 THEN s.consecutive_failures + 1 WHEN $3 THEN 0 ELSE s.consecutive_failures END,
    last_error_class = CASE WHEN $3 THEN NULL ELSE coalesce(excluded.last_error_class, s.last_error_class) END,
    last_error_message = CASE WHEN $3 THEN NULL ELSE coalesce(excluded.last_error_message, s.last_error_message) END,
    superseded_in_row = CASE WHEN $8 THEN s.superseded_in_row + 1 WHEN $3 THEN 0 ELSE s.superseded_in_row END,
    exchange_requests = coalesce(excluded.exchange_requests, s.exchange_requests)`, subjectColumn(job.Subject.Kind))
	stored := out.Status == syncjob.Succeeded || out.Status == syncjob.Partial
	asOf := nullTime(out.AsOf)
	if !stored {
		asOf = nil
	}
	failed := out.failed() && out.Class.Counts()
	if out.Wait == syncjob.WaitKey { // the key it used is gone: that says nothing about the data
		failed, out.Class, out.Message = false, "", ""
	}
	_, err := tx.Exec(ctx, insert, job.Subject.ID, string(job.DataType), out.Status == syncjob.Succeeded, asOf,
		failed, string(out.Class), out.Message, out.Wait == syncjob.WaitSuperseded || out.Status == syncjob.Skipped,
		out.Requests)
	if err != nil {
		return fmt.Errorf("updating the state of %s: %w", job.DataType, err)
	}
	return nil
}

// skipQueued ends every other live job of a market and type that was queued
// before this one was claimed: what it would read has just been read. So a
// thousand new accounts cost one read of the prices. Jobs that are held back
// for a following run are not skipped: callers may still join that run.
func skipQueued(ctx context.Context, tx pgx.Tx, job *Claimed, out Outcome) error {
	const skip = `
UPDATE alphapulse.sync_jobs
SET status = 'skipped', as_of = $4, finished_at = clock_timestamp(), next_at = NULL, wait_reason = NULL
WHERE id = ANY (ARRAY(SELECT id FROM alphapulse.sync_jobs
                      WHERE subject_id = $1 AND data_type = $2 AND lane = 'live'
                        AND status IN ('queued', 'waiting')
                        AND queued_at < $3 AND coalesce(next_at, '-infinity') < 'infinity'
                      ORDER BY id FOR UPDATE SKIP LOCKED))
  AND status IN ('queued', 'waiting')`
	_, err := tx.Exec(ctx, skip, job.Subject.ID, string(job.DataType), job.ClaimedAt, nullTime(out.AsOf))
	if err != nil {
		return fmt.Errorf("skipping what was just read: %w", err)
	}
	return nil
}
