package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Jobs that are held back: queued, with next_at 'infinity'. In lane live those
// are the jobs of a run that follows another one; in lane backfill those beyond
// the first Settings.AccountWindows of a subject and type, because a year of
// windows at the head of a consumer would keep every other account waiting.

// letGo publishes the next job that is held back for a subject and type, if
// there is one, because one in lane backfill has ended. One goes for one that
// came, so no count is needed and none can be wrong. Repairs and backfills come
// before verification, and the oldest window first, of verification the newest.
func letGo(ctx context.Context, tx pgx.Tx, subjectID, dataType, lane string) (bool, error) {
	if lane != string(syncjob.Backfill) {
		return false, nil
	}
	const release = `
UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp(), queued_at = clock_timestamp()
WHERE id = (SELECT id FROM alphapulse.sync_jobs
            WHERE subject_id = $1 AND data_type = $2 AND lane = 'backfill' AND status = 'queued' AND next_at = 'infinity'
            ORDER BY trigger = 'verify',
                     extract(epoch FROM lower("window")) * CASE trigger WHEN 'verify' THEN -1 ELSE 1 END NULLS FIRST, id
            LIMIT 1 FOR UPDATE SKIP LOCKED)
  AND status = 'queued' AND next_at = 'infinity'`
	tag, err := tx.Exec(ctx, release, subjectID, dataType)
	if err != nil {
		return false, fmt.Errorf("letting the next window go: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	postgres.Hint(ctx, ChannelJobs, "")
	return true, nil
}

// inHand is the condition that a job of lane backfill takes up room.
const inHand = `lane = 'backfill' AND status IN ('queued', 'running', 'waiting') AND coalesce(next_at, '-infinity') < 'infinity'`

// holdBack says which jobs of a run that is being made are to be held back.
func (l *Ledger) holdBack(ctx context.Context, tx pgx.Tx, n newWork) ([]bool, error) {
	rows, err := tx.Query(ctx, `
SELECT data_type, count(*) FROM alphapulse.sync_jobs WHERE subject_id = $1 AND `+inHand+` GROUP BY data_type`, n.Subject.ID)
	if err != nil {
		return nil, fmt.Errorf("counting open windows: %w", err)
	}
	used := map[syncjob.DataType]int{}
	var dataType syncjob.DataType
	var count int
	if _, err := pgx.ForEachRow(rows, []any{&dataType, &count}, func() error { used[dataType] = count; return nil }); err != nil {
		return nil, fmt.Errorf("counting open windows: %w", err)
	}
	held := make([]bool, len(n.Jobs))
	for i, job := range n.Jobs {
		if job.Lane != syncjob.Backfill {
			continue
		}
		held[i] = used[job.Type] >= l.set.AccountWindows
		used[job.Type]++
	}
	return held, nil
}

// line is a subject and type with jobs that are held back.
type line struct {
	SubjectID string
	DataType  string
	Kind      syncjob.SubjectKind
}

// LetGoHeld lets jobs go of subjects and types that have room and jobs held
// back. It is the net below letGo: a run that is made while the last open job
// of its type ends finds no room, and nobody to wake it later.
func (l *Ledger) LetGoHeld(ctx context.Context, limit int) (int, error) {
	lines, err := l.linesWithRoom(ctx, limit)
	if err != nil {
		return 0, fmt.Errorf("finding windows held back: %w", err)
	}
	total := 0
	var failures error
	for _, line := range lines {
		n, err := l.letGoLine(ctx, line)
		total += n
		failures = errors.Join(failures, err)
	}
	return total, failures
}

// linesWithRoom walks the index on held jobs from one subject and type to the
// next, however many jobs each has.
func (l *Ledger) linesWithRoom(ctx context.Context, limit int) ([]line, error) {
	const find = `
WITH RECURSIVE lines AS (
    (SELECT subject_id, data_type, account_id FROM alphapulse.sync_jobs
     WHERE status = 'queued' AND next_at = 'infinity' AND lane = 'backfill'
     ORDER BY subject_id, data_type, lane LIMIT 1)
    UNION ALL
    SELECT n.subject_id, n.data_type, n.account_id FROM lines l CROSS JOIN LATERAL (
        SELECT subject_id, data_type, account_id FROM alphapulse.sync_jobs
        WHERE status = 'queued' AND next_at = 'infinity' AND lane = 'backfill'
          AND (subject_id, data_type) > (l.subject_id, l.data_type)
        ORDER BY subject_id, data_type, lane LIMIT 1) n)
SELECT l.subject_id, l.data_type, CASE WHEN l.account_id IS NULL THEN 'market' ELSE 'account' END FROM lines l
WHERE (SELECT count(*) FROM alphapulse.sync_jobs
       WHERE subject_id = l.subject_id AND data_type = l.data_type AND ` + inHand + `) < $1
LIMIT $2`
	rows, err := l.db.Query(ctx, find, l.set.AccountWindows, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[line])
}

// letGoLine counts again under the subject's lock, so that two sweeps do not
// both fill the same room. A subject that somebody has locked is left to the
// next sweep.
func (l *Ledger) letGoLine(ctx context.Context, at line) (int, error) {
	released := 0
	err := l.db.InTx(ctx, "let windows go", func(ctx context.Context, tx pgx.Tx) error {
		released = 0
		locked, err := tryLockSubject(ctx, tx, syncjob.Subject{Kind: at.Kind, ID: at.SubjectID})
		if err != nil || !locked {
			return err
		}
		var used int
		err = tx.QueryRow(ctx, `
SELECT count(*) FROM alphapulse.sync_jobs WHERE subject_id = $1 AND data_type = $2 AND `+inHand, at.SubjectID, at.DataType).
			Scan(&used)
		if err != nil {
			return err
		}
		for ; used < l.set.AccountWindows; used++ {
			ok, err := letGo(ctx, tx, at.SubjectID, at.DataType, string(syncjob.Backfill))
			if err != nil || !ok {
				return err
			}
			released++
		}
		return nil
	})
	return released, err
}

// tryLockSubject locks an account or market unless somebody else has.
func tryLockSubject(ctx context.Context, tx pgx.Tx, s syncjob.Subject) (bool, error) {
	lock := `SELECT FROM alphapulse.` + subjectTable(s.Kind) + ` WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED`
	tag, err := tx.Exec(ctx, lock, s.ID)
	return tag.RowsAffected() > 0, err
}

func subjectTable(kind syncjob.SubjectKind) string {
	if kind == syncjob.Market {
		return "markets"
	}
	return "accounts"
}
