package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// resumedAtOnce is how many jobs the call that resumes makes due itself; the
// scheduler's sweep does the rest within a second or so.
const resumedAtOnce = 1000

// PauseFilter says which pauses are meant: those that have every value that is
// given. An empty filter means all.
type PauseFilter struct {
	ID    string
	Scope PauseScope
}

// Resume ends the pauses in force and those to come that a filter means, and
// makes the jobs due that waited for them alone. It returns the pauses as they
// were. ErrNotFound if an ID is given and no such pause is open.
func (l *Ledger) Resume(ctx context.Context, f PauseFilter, by string) ([]Pause, error) {
	return l.resume(ctx, f, by, true)
}

// PausesOf lists the pauses that Resume would end.
func (l *Ledger) PausesOf(ctx context.Context, f PauseFilter) ([]Pause, error) {
	return l.resume(ctx, f, "", false)
}

func (l *Ledger) resume(ctx context.Context, f PauseFilter, by string, end bool) ([]Pause, error) {
	var found []Pause
	err := l.db.InTx(ctx, "resume", func(ctx context.Context, tx pgx.Tx) error {
		ids, err := lockPauses(ctx, tx, f)
		if err != nil {
			return err
		}
		if len(ids) == 0 && f.ID != "" {
			return fmt.Errorf("pause %q: %w", f.ID, ErrNotFound)
		}
		if found, err = pausesByID(ctx, tx, ids); err != nil || !end || len(ids) == 0 {
			return err
		}
		const update = `
UPDATE alphapulse.pauses SET until = greatest(starts_at, clock_timestamp()), ended_by = $2 WHERE id = ANY ($1::uuid[])`
		if _, err := tx.Exec(ctx, update, ids, by); err != nil {
			return err
		}
		_, err = wakePaused(ctx, tx, resumedAtOnce)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("resuming: %w", err)
	}
	return found, nil
}

// lockPauses finds the open pauses that a filter means. The exchange and the
// environment of a pause of a market are the market's.
func lockPauses(ctx context.Context, tx pgx.Tx, f PauseFilter) ([]string, error) {
	const find = `
SELECT p.id FROM alphapulse.pauses p LEFT JOIN alphapulse.markets m ON m.id = p.market_id
WHERE ` + pauseOpen + `
  AND ($1 = '' OR p.id = $1::uuid)
  AND ($2 = '' OR p.market_id = $2::uuid)
  AND ($3 = '' OR coalesce(p.exchange, m.exchange) = $3)
  AND ($4 = '' OR coalesce(p.environment, m.environment) = $4)
  AND ($5 = '' OR p.account_id = $5::uuid)
  AND (cardinality($6::text[]) = 0 OR p.data_type = ANY ($6))
  AND ($7 = '' OR p.lane = $7)
ORDER BY p.id FOR NO KEY UPDATE OF p`
	s := f.Scope
	rows, err := tx.Query(ctx, find, f.ID, s.MarketID, s.Exchange, s.Environment, s.AccountID, typeNames(s.Types), string(s.Lane))
	if err != nil {
		return nil, notFound(err, "pause %q", f.ID)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return ids, notFound(err, "pause %q", f.ID)
}

// WakePaused makes up to limit jobs due that wait for a pause that is over. A
// job is due at its pause's end by itself; this is for what was resumed early. It
// returns how many there were.
func (l *Ledger) WakePaused(ctx context.Context, limit int) (woken int, err error) {
	err = l.db.InTx(ctx, "wake paused jobs", func(ctx context.Context, tx pgx.Tx) error {
		woken, err = wakePaused(ctx, tx, limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("waking paused jobs: %w", err)
	}
	return woken, nil
}

func wakePaused(ctx context.Context, tx pgx.Tx, limit int) (int, error) {
	wake := `
UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp()
WHERE id = ANY (ARRAY(
    SELECT j.id FROM alphapulse.sync_jobs j
    LEFT JOIN LATERAL (SELECT market_id FROM alphapulse.accounts WHERE id = j.account_id OFFSET 0) a ON true
    CROSS JOIN LATERAL (SELECT * FROM alphapulse.markets WHERE id = coalesce(j.market_id, a.market_id) OFFSET 0) m
    WHERE j.status || '' = 'waiting' AND j.wait_reason = 'paused' AND j.next_at > clock_timestamp()
      AND NOT ` + pausedFor("m", "j.account_id", "j.data_type", "j.lane") + `
    LIMIT $1 FOR UPDATE OF j SKIP LOCKED))
  AND status || '' = 'waiting' AND wait_reason || '' = 'paused'`
	tag, err := tx.Exec(ctx, wake, limit)
	if err != nil || tag.RowsAffected() == 0 {
		return 0, err
	}
	postgres.Hint(ctx, ChannelJobs, "")
	return int(tag.RowsAffected()), nil
}

// pausedGrace is how long after the end of a pause the run of a job that waited
// for it has at least.
const pausedGrace = 5 * time.Minute

// extendPaused puts off the deadlines of runs in which a job waits for a pause:
// somebody wants it to wait, so it is not late. Manual and initial runs and probes
// keep theirs: somebody waits for them, and the next sync of the account may have
// to follow them.
func (l *Ledger) extendPaused(ctx context.Context, limit int) error {
	extend := `
WITH held AS (
    SELECT run_id, max(next_at) + $2::interval AS until FROM (
        SELECT run_id, next_at FROM alphapulse.sync_jobs
        WHERE status || '' = 'waiting' AND wait_reason = 'paused' AND trigger NOT IN ('manual', 'initial', 'probe')
        OFFSET 0) w
    GROUP BY run_id),
late AS (
    SELECT r.id, held.until FROM held CROSS JOIN LATERAL (
        SELECT id FROM alphapulse.sync_runs
        WHERE id = held.run_id AND status || '' = 'running' AND deadline_at < held.until FOR NO KEY UPDATE SKIP LOCKED) r
    LIMIT $1)
UPDATE alphapulse.sync_runs r SET deadline_at = late.until
FROM late WHERE ` + keyed("r.id", "late.id") + ` AND r.status || '' = 'running' AND r.deadline_at < late.until`
	if _, err := l.db.Exec(ctx, extend, limit, pausedGrace); err != nil {
		return fmt.Errorf("extending the deadlines of runs that are paused: %w", err)
	}
	return nil
}

// PrunePauses removes up to limit pauses that ended before the retention.
func (l *Ledger) PrunePauses(ctx context.Context, limit int) (int, error) {
	const prune = `
DELETE FROM alphapulse.pauses
WHERE id = ANY (ARRAY(SELECT id FROM alphapulse.pauses WHERE until < (SELECT clock_timestamp() - $1::interval)
                      ORDER BY until LIMIT $2))`
	tag, err := l.db.Exec(ctx, prune, l.set.Retention, limit)
	if err != nil {
		return 0, fmt.Errorf("removing old pauses: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
