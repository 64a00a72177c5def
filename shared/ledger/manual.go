package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// StartManual starts a manual run of an account, or joins one, and reports
// which it was. No caller gets data older than his call: a run is joined only
// while none of its jobs has been claimed. Otherwise the caller gets a
// follower, which starts when the run before it has ended, and which later
// callers join. So at most two manual runs of an account are open. What people
// have paused is refused with a *PausedError: it would wait for who knows how long.
func (l *Ledger) StartManual(
	ctx context.Context, accountID string, types []syncjob.DataType,
) (run Run, joined bool, err error) {
	types, err = askedTypes(types)
	if err != nil {
		return Run{}, false, err
	}
	var id string
	err = l.db.InTx(ctx, "start manual run", func(ctx context.Context, tx pgx.Tx) error {
		id, joined = "", false
		status, _, err := lockAccount(ctx, tx, accountID)
		if err != nil {
			return err
		}
		if err := syncable(status); err != nil {
			return err
		}
		if err := checkPaused(ctx, tx, accountID, types); err != nil {
			return err
		}
		id, joined, err = joinOrCreate(ctx, tx, accountID, types)
		return err
	})
	if err != nil {
		return Run{}, false, err
	}
	run, err = l.Run(ctx, id)
	return run, joined, err
}

// askedTypes is free of duplicates. It refuses what cannot be asked for, and
// asking for nothing, because a run without jobs would never end.
func askedTypes(types []syncjob.DataType) ([]syncjob.DataType, error) {
	for _, t := range types {
		if !slices.Contains(syncjob.Requestable(), t) {
			return nil, fmt.Errorf("unknown data type %q: known are %s", t, syncjob.JoinTypes(syncjob.Requestable()))
		}
	}
	if len(types) == 0 {
		return nil, fmt.Errorf("no data type asked for: known are %s", syncjob.JoinTypes(syncjob.Requestable()))
	}
	return syncjob.Normalize(types), nil
}

// syncable says why an account in this state cannot be synchronized. One whose
// key was refused can: its own jobs fail without a request and say why, and its
// market's prices need no key.
func syncable(status AccountStatus) error {
	switch status {
	case AccountPending:
		return ErrPending
	case AccountPaused:
		return ErrPaused
	case AccountRemoved:
		return ErrNotFound
	default:
		return nil
	}
}

// joinable is an open manual or initial run.
type joinable struct {
	ID        string
	Types     []string
	Started   bool // false: a follower whose predecessor has not ended
	Untouched bool // no job was claimed, skipped or ended, and time is left
}

func (j joinable) covers(types []syncjob.DataType) bool {
	return !slices.ContainsFunc(types, func(t syncjob.DataType) bool { return !slices.Contains(j.Types, string(t)) })
}

// joinOrCreate runs under the account's lock, so no other manual run can be
// made meanwhile. The runs are locked as well: they cannot end or start under
// our hands. A job may still be claimed after we looked, which is after the
// call, as it has to be. The jobs of a joined run are locked and dated anew:
// a read of the market's prices that began before the call must not stand for
// the one that this caller waits for.
func joinOrCreate(ctx context.Context, tx pgx.Tx, accountID string, types []syncjob.DataType) (string, bool, error) {
	open, err := lockJoinable(ctx, tx, accountID)
	if err != nil {
		return "", false, err
	}
	fresh := newRun{
		Subject: syncjob.Subject{Kind: syncjob.Account, ID: accountID}, Trigger: syncjob.Manual, Types: types,
	}
	for _, run := range open {
		switch {
		case run.Started && run.Untouched && run.covers(types):
			ok, err := renew(ctx, tx, run.ID)
			if err != nil || ok {
				return run.ID, true, err
			}
		case !run.Started:
			return run.ID, true, widen(ctx, tx, run, fresh)
		}
	}
	if len(open) > 0 {
		fresh.Follows = open[len(open)-1].ID
	}
	id, err := createRun(ctx, tx, fresh)
	return id, false, err
}

func lockJoinable(ctx context.Context, tx pgx.Tx, accountID string) ([]joinable, error) {
	const lock = `
SELECT id FROM alphapulse.sync_runs
WHERE subject_id = $1 AND status = 'running' AND trigger IN ('manual', 'initial')
ORDER BY created_at, id FOR NO KEY UPDATE`
	if _, err := tx.Exec(ctx, lock, accountID); err != nil {
		return nil, fmt.Errorf("locking open runs: %w", err)
	}
	// Read after the locks: what waited for them shows.
	const read = `
SELECT r.id, r.requested_types, r.started_at IS NOT NULL,
       coalesce(r.deadline_at > clock_timestamp(), false) AND NOT EXISTS (
                   SELECT FROM alphapulse.sync_jobs j
                   WHERE j.run_id = r.id AND (j.status NOT IN ('queued', 'waiting') OR j.started_at IS NOT NULL))
FROM alphapulse.sync_runs r
WHERE r.subject_id = $1 AND r.status = 'running' AND r.trigger IN ('manual', 'initial')
ORDER BY r.started_at NULLS LAST, r.created_at`
	rows, err := tx.Query(ctx, read, accountID)
	if err != nil {
		return nil, fmt.Errorf("reading open runs: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[joinable])
}

// renew dates the jobs of a run that is to be joined anew, and reports false if
// one of them has been claimed or has ended meanwhile.
func renew(ctx context.Context, tx pgx.Tx, runID string) (bool, error) {
	const lock = `SELECT FROM alphapulse.sync_jobs WHERE run_id = $1 ORDER BY id FOR UPDATE`
	if _, err := tx.Exec(ctx, lock, runID); err != nil {
		return false, fmt.Errorf("locking the jobs of run %s: %w", runID, err)
	}
	const update = `
UPDATE alphapulse.sync_jobs SET queued_at = clock_timestamp()
WHERE run_id = $1 AND NOT EXISTS (
    SELECT FROM alphapulse.sync_jobs j
    WHERE j.run_id = $1 AND (j.status NOT IN ('queued', 'waiting') OR j.started_at IS NOT NULL))`
	tag, err := tx.Exec(ctx, update, runID)
	if err != nil {
		return false, fmt.Errorf("joining run %s: %w", runID, err)
	}
	return tag.RowsAffected() > 0, nil
}

// widen adds to a follower the types it lacks. None of its jobs can have been
// published, because it has not started.
func widen(ctx context.Context, tx pgx.Tx, run joinable, want newRun) error {
	missing := slices.DeleteFunc(slices.Clone(want.Types), func(t syncjob.DataType) bool {
		return slices.Contains(run.Types, string(t))
	})
	if len(missing) == 0 {
		return nil
	}
	want.Types, want.Follows = missing, run.ID
	if err := addJobs(ctx, tx, run.ID, want); err != nil {
		return err
	}
	const update = `
UPDATE alphapulse.sync_runs
SET requested_types = requested_types || $2::text[], jobs_total = jobs_total + cardinality($2::text[])
WHERE id = $1`
	if _, err := tx.Exec(ctx, update, run.ID, typeNames(missing)); err != nil {
		return fmt.Errorf("widening the following run: %w", err)
	}
	return nil
}
