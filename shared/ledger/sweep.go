package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// lostJob is a running job whose lease ended.
type lostJob struct {
	ID        string
	Claim     string
	Attempt   int
	Max       int
	Trigger   syncjob.Trigger
	Lane      syncjob.Lane
	DataType  syncjob.DataType
	SubjectID string
	Kind      syncjob.SubjectKind
	AsOf      *time.Time
}

// TakeBackLost takes jobs back whose lease has ended, the lost attempt recorded
// and counted; ended if it was the last. A live job is due at once. Others wait
// like after a fault: what kills their workers may do so in a rhythm, and jobs
// that come back in step with it are all lost again. It returns how many.
// Rows that are locked, by a commit under way, are left out.
func (l *Ledger) TakeBackLost(ctx context.Context, limit int) (int, error) {
	var taken int
	err := l.db.InTx(ctx, "take back lost jobs", func(ctx context.Context, tx pgx.Tx) error {
		find := fmt.Sprintf(`
SELECT id, claim, attempt, max_attempts, trigger, lane, data_type, subject_id,
       CASE WHEN account_id IS NULL THEN 'market' ELSE 'account' END, as_of
FROM alphapulse.sync_jobs
WHERE id = ANY (ARRAY(%s)) AND status || '' = 'running' AND lease_until < clock_timestamp()
ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`, runningJobs(`id`, `lease_until < (SELECT clock_timestamp())`))
		rows, err := tx.Query(ctx, find, limit)
		if err != nil {
			return err
		}
		lost, err := pgx.CollectRows(rows, pgx.RowToStructByPos[lostJob])
		if err != nil {
			return err
		}
		taken = len(lost)
		for _, job := range lost {
			if err := takeBack(ctx, tx, job); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("taking back lost jobs: %w", err)
	}
	return taken, nil
}

func takeBack(ctx context.Context, tx pgx.Tx, lost lostJob) error {
	out := Outcome{
		Status: syncjob.Waiting, Wait: syncjob.WaitLost, Counted: true, Class: syncjob.Lost,
		Message: "the worker that ran it stopped answering",
	}
	if lost.Attempt >= lost.Max {
		out.Status, out.Wait = syncjob.Exhausted(lost.Trigger, lost.Lane, lost.AsOf != nil), ""
	}
	if out.Status == syncjob.Waiting && lost.Lane != syncjob.Live {
		out.After = syncjob.Backoff(lost.Lane, lost.Attempt, rand.Float64()) //nolint:gosec // jitter
	}
	job := &Claimed{
		JobID: lost.ID, Claim: lost.Claim, Attempt: lost.Attempt, DataType: lost.DataType, Lane: lost.Lane,
		Subject: syncjob.Subject{Kind: lost.Kind, ID: lost.SubjectID}, asOf: lost.AsOf,
	}
	held, err := fence(ctx, tx, []*ending{{job: job, out: out}})
	if err != nil {
		return err
	}
	if len(held) == 0 {
		return ErrFenced
	}
	if err := settle(ctx, tx, held); err != nil {
		return err
	}
	if out.Status == syncjob.Waiting {
		postgres.Hint(ctx, ChannelJobs, "")
	}
	return nil
}

// EndOverdue ends runs past their deadline: those with an open job expire, the
// others are folded. The deadline of a backfill, a verification or a repair that
// moves is put off first, and that of a run in which a job is paused. It returns
// how many ended.
func (l *Ledger) EndOverdue(ctx context.Context, limit int) (int, error) {
	if err := l.extendMoving(ctx, limit); err != nil {
		return 0, err
	}
	if err := l.extendPaused(ctx, limit); err != nil {
		return 0, err
	}
	const find = `
SELECT r.id, r.growing OR (SELECT true FROM alphapulse.sync_jobs j
                           WHERE j.run_id = r.id AND j.status || '' IN ('queued', 'running', 'waiting') LIMIT 1) IS NOT NULL
FROM alphapulse.sync_runs r
WHERE r.status = 'running' AND r.deadline_at < (SELECT clock_timestamp())
ORDER BY r.deadline_at LIMIT $1`
	rows, err := l.db.Query(ctx, find, limit)
	if err != nil {
		return 0, fmt.Errorf("finding overdue runs: %w", err)
	}
	type overdue struct {
		ID   string
		Open bool
	}
	runs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[overdue])
	if err != nil {
		return 0, fmt.Errorf("finding overdue runs: %w", err)
	}
	var failures error
	for _, run := range runs {
		if run.Open {
			err = l.expire(ctx, run.ID)
		} else {
			_, err = l.Fold(ctx, run.ID)
		}
		failures = errors.Join(failures, err)
	}
	return len(runs), failures
}

// Unfolded finds runs whose jobs are all terminal, the last of them for at least age,
// and that nobody has folded: a lost result costs a second or two, not the run. Until
// then whoever got the result is about to fold it. Runs that somebody has locked are
// skipped for that reason, too. The order is that of the index on open runs: by
// id the planner would walk every run there is to find the first hundred.
func (l *Ledger) Unfolded(ctx context.Context, age time.Duration, limit int) ([]string, error) {
	const find = `
SELECT r.id FROM alphapulse.sync_runs r
WHERE r.status = 'running' AND r.started_at IS NOT NULL
  AND NOT r.growing
  AND CASE WHEN ` + hasOpenJob + ` THEN false
      ELSE (SELECT max(j.finished_at) FROM alphapulse.sync_jobs j WHERE j.run_id = r.id)
           <= (SELECT clock_timestamp() - $2::interval) END
ORDER BY r.deadline_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`
	rows, err := l.db.Query(ctx, find, limit, age)
	if err != nil {
		return nil, fmt.Errorf("finding unfolded runs: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// hasOpenJob is the condition that a job of the run r is open. It is looked for first
// among the open jobs of the run's subject: among all jobs of a long backfill there are
// many that have ended. A market's job in an account's run is found among those of the
// run alone.
const hasOpenJob = `
CASE WHEN (SELECT true FROM alphapulse.sync_jobs j
           WHERE j.subject_id = r.subject_id AND j.status IN ('queued', 'running', 'waiting')
             AND j.run_id IS NOT DISTINCT FROM r.id LIMIT 1) THEN true
     ELSE (SELECT true FROM alphapulse.sync_jobs j
           WHERE j.run_id = r.id AND j.status || '' IN ('queued', 'running', 'waiting') LIMIT 1) IS NOT NULL END`

// StartFollowers starts runs whose predecessor has ended and which nobody
// started. It is the net below the fold, which starts them in its transaction.
func (l *Ledger) StartFollowers(ctx context.Context, limit int) (int, error) {
	const find = `
SELECT f.id, coalesce(f.follows::text, '') FROM alphapulse.sync_runs f
LEFT JOIN LATERAL (SELECT id, status FROM alphapulse.sync_runs WHERE id = f.follows OFFSET 0) r ON true
WHERE f.finished_at IS NULL AND f.started_at IS NULL AND (r.id IS NULL OR r.status <> 'running')
ORDER BY f.follows LIMIT $1`
	rows, err := l.db.Query(ctx, find, limit)
	if err != nil {
		return 0, fmt.Errorf("finding runs to start: %w", err)
	}
	type follower struct{ ID, Follows string }
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[follower])
	if err != nil {
		return 0, fmt.Errorf("finding runs to start: %w", err)
	}
	for _, f := range found {
		err := l.db.InTx(ctx, "start follower", func(ctx context.Context, tx pgx.Tx) error {
			return startOrphan(ctx, tx, f.ID)
		})
		if err != nil {
			return 0, fmt.Errorf("starting run %s: %w", f.ID, err)
		}
	}
	return len(found), nil
}

func startOrphan(ctx context.Context, tx pgx.Tx, runID string) error {
	const start = `
UPDATE alphapulse.sync_runs SET started_at = clock_timestamp(), deadline_at = clock_timestamp() + $2::interval
WHERE id = $1 AND status = 'running' AND started_at IS NULL`
	tag, err := tx.Exec(ctx, start, runID, syncjob.RunDeadline(syncjob.Manual, 0))
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	const due = `
UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp(), queued_at = clock_timestamp()
WHERE run_id = $1 AND status = 'queued' AND next_at = 'infinity'`
	if _, err = tx.Exec(ctx, due, runID); err != nil {
		return err
	}
	postgres.Hint(ctx, ChannelJobs, "")
	return nil
}

// Prune deletes runs that ended before the retention, with their jobs and
// attempts. It returns how many went.
func (l *Ledger) Prune(ctx context.Context, limit int) (int, error) {
	const runs = `
DELETE FROM alphapulse.sync_runs
WHERE id = ANY (ARRAY(SELECT id FROM alphapulse.sync_runs
                      WHERE status <> 'running' AND finished_at < (SELECT clock_timestamp() - $1::interval)
                      ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED))`
	tag, err := l.db.Exec(ctx, runs, l.set.Retention, limit)
	if err != nil {
		return 0, fmt.Errorf("pruning old runs: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
