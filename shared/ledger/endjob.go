package ledger

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// apply makes the transition of an answer that has one, and gives the state and
// the error class that the job is left in.
func (s *standing) apply(ctx context.Context, tx pgx.Tx, jobID string, r Refusal) (syncjob.Status, syncjob.Class, error) {
	switch {
	case r.Answer == Sibling:
		return syncjob.Waiting, s.Class, waitUntil(ctx, tx, jobID, syncjob.WaitSibling, *s.SiblingUntil)
	case r.Answer == NotDue && r.Wait > 0:
		return syncjob.Waiting, s.Class, waitFor(ctx, tx, jobID, syncjob.WaitPaused, r.Wait)
	case r.Answer == Inactive:
		return s.endInactive(ctx, tx, jobID)
	case r.Answer == ExhaustedAnswer:
		status := syncjob.Exhausted(s.Trigger, s.Lane, s.Stored)
		return status, s.Class, endOpen(ctx, tx, jobID, status, "", "")
	default:
		return s.Status, s.Class, nil
	}
}

// endInactive ends the job of an account that is not to be synchronized: failed
// with class auth if its key was refused, cancelled otherwise.
func (s *standing) endInactive(ctx context.Context, tx pgx.Tx, jobID string) (syncjob.Status, syncjob.Class, error) {
	why := syncjob.CancelPending
	switch s.AccountStatus {
	case AccountNeedsAttention:
		return syncjob.Failed, syncjob.Auth, endOpen(ctx, tx, jobID, syncjob.Failed, syncjob.Auth,
			"the exchange refused this account's key before; set a new one with `accounts set-key`")
	case AccountPaused:
		why = syncjob.CancelPaused
	case AccountRemoved:
		why = syncjob.CancelRemoved
	}
	return syncjob.Cancelled, s.Class, cancelOpen(ctx, tx, jobID, why)
}

// waitUntil takes a queued job out of the queue without counting an attempt.
func waitUntil(ctx context.Context, tx pgx.Tx, jobID string, why syncjob.WaitReason, at time.Time) error {
	const update = `
UPDATE alphapulse.sync_jobs SET status = 'waiting', wait_reason = $2, next_at = $3
WHERE id = $1 AND status = 'queued'`
	_, err := tx.Exec(ctx, update, jobID, string(why), at)
	return err
}

// waitFor is waitUntil for a span of the database's clock.
func waitFor(ctx context.Context, tx pgx.Tx, jobID string, why syncjob.WaitReason, d time.Duration) error {
	const update = `
UPDATE alphapulse.sync_jobs SET status = 'waiting', wait_reason = $2, next_at = clock_timestamp() + $3::interval
WHERE id = $1 AND status = 'queued'`
	_, err := tx.Exec(ctx, update, jobID, string(why), d)
	return err
}

// endOpen ends a job that nobody runs. An empty class keeps the last one.
func endOpen(
	ctx context.Context, tx pgx.Tx, jobID string, status syncjob.Status, class syncjob.Class, message string,
) error {
	const update = `
UPDATE alphapulse.sync_jobs
SET status = $2, finished_at = clock_timestamp(), next_at = NULL, wait_reason = NULL,
    error_class = coalesce(nullif($3, ''), error_class), error_message = coalesce(nullif($4, ''), error_message)
WHERE id = $1 AND status IN ('queued', 'waiting')`
	_, err := tx.Exec(ctx, update, jobID, string(status), string(class), message)
	return err
}

func cancelOpen(ctx context.Context, tx pgx.Tx, jobID string, why syncjob.CancelReason) error {
	const update = `
UPDATE alphapulse.sync_jobs
SET status = 'cancelled', cancel_reason = $2, finished_at = clock_timestamp(), next_at = NULL, wait_reason = NULL
WHERE id = $1 AND status IN ('queued', 'waiting')`
	_, err := tx.Exec(ctx, update, jobID, string(why))
	return err
}
