package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// FoldGroup is Fold for runs whose results come at the same time, in one
// transaction. It gives the runs that it ended, as they are now, and the ids that
// it leaves to Fold: of probes, which lock their account first, and of runs that do
// not exist.
//
// Runs with an open job are passed over without a lock: whoever ends that job commits
// before he reports, and his report finds the others ended.
func (l *Ledger) FoldGroup(ctx context.Context, runIDs []string) (folded []Run, left []string, err error) {
	runIDs, err = l.withoutOpenJob(ctx, runIDs)
	if err != nil || len(runIDs) == 0 {
		return nil, nil, err
	}
	err = l.db.InTx(ctx, "fold group", func(ctx context.Context, tx pgx.Tx) error {
		locked, err := lockRuns(ctx, tx, runIDs)
		if err != nil {
			return err
		}
		left = nil
		var open []string
		for _, id := range runIDs {
			switch run, ok := locked[id]; {
			case !ok:
				left = append(left, id)
			case run.status == syncjob.RunRunning && !run.growing:
				open = append(open, id)
			}
		}
		folded, err = foldOpen(ctx, tx, open)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("folding %d runs: %w", len(runIDs), err)
	}
	return folded, left, nil
}

// withoutOpenJob leaves out the runs that are not over yet.
func (l *Ledger) withoutOpenJob(ctx context.Context, ids []string) ([]string, error) {
	rows, err := l.db.Query(ctx, `
SELECT r.id::text FROM alphapulse.sync_runs r WHERE r.id = ANY ($1::uuid[]) AND `+hasOpenJob, ids)
	if err != nil {
		return nil, fmt.Errorf("looking for open jobs of %d runs: %w", len(ids), err)
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("looking for open jobs of %d runs: %w", len(ids), err)
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(open, id) }), nil
}

type lockedRun struct {
	status  syncjob.RunStatus
	growing bool
}

func lockRuns(ctx context.Context, tx pgx.Tx, ids []string) (map[string]lockedRun, error) {
	const lock = `
SELECT id::text, status, growing FROM alphapulse.sync_runs
WHERE id = ANY ($1::uuid[]) AND trigger <> 'probe' ORDER BY id FOR NO KEY UPDATE`
	rows, err := tx.Query(ctx, lock, ids)
	if err != nil {
		return nil, err
	}
	locked := make(map[string]lockedRun, len(ids))
	var id string
	var run lockedRun
	_, err = pgx.ForEachRow(rows, []any{&id, &run.status, &run.growing}, func() error {
		locked[id] = run
		return nil
	})
	return locked, err
}

// foldedRows are runs that have ended, as columns.
type foldedRows struct {
	ids, statuses                                        []string
	succeeded, partial, failed, dead, skipped, cancelled []int32
	changed                                              []int64
}

func (r *foldedRows) add(id string, status syncjob.RunStatus, c *counts) {
	count := func(s syncjob.Status) int32 { return int32(c.by[s]) } //nolint:gosec // the jobs of a run
	r.ids, r.statuses = append(r.ids, id), append(r.statuses, string(status))
	r.succeeded, r.partial = append(r.succeeded, count(syncjob.Succeeded)), append(r.partial, count(syncjob.Partial))
	r.failed, r.dead = append(r.failed, count(syncjob.Failed)), append(r.dead, count(syncjob.Dead))
	r.skipped, r.cancelled = append(r.skipped, count(syncjob.Skipped)), append(r.cancelled, count(syncjob.Cancelled))
	r.changed = append(r.changed, c.changed)
}

// foldOpen ends those of the runs, whose locks are held, all of whose jobs are
// terminal. The counts are read in a statement after the locks.
func foldOpen(ctx context.Context, tx pgx.Tx, ids []string) ([]Run, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	by, err := readAllCounts(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	var ended foldedRows
	for _, id := range ids {
		if status := syncjob.Fold(by[id].ended); status != syncjob.RunRunning {
			ended.add(id, status, by[id])
		}
	}
	if len(ended.ids) == 0 {
		return nil, nil
	}
	return storeFolded(ctx, tx, ended)
}

func storeFolded(ctx context.Context, tx pgx.Tx, r foldedRows) ([]Run, error) {
	update := `
UPDATE alphapulse.sync_runs r
SET status = u.status, jobs_succeeded = u.succeeded, jobs_partial = u.partial, jobs_failed = u.failed,
    jobs_dead = u.dead, jobs_skipped = u.skipped, jobs_cancelled = u.cancelled, rows_changed = u.changed,
    finished_at = clock_timestamp()
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[],
            $8::integer[], $9::bigint[])
         AS u (id, status, succeeded, partial, failed, dead, skipped, cancelled, changed)
WHERE ` + keyed("r.id", "u.id") + ` AND r.status || '' = 'running'`
	var folded []Run
	var outbox int64
	batch := &pgx.Batch{}
	batch.Queue(unflushed) // forgotten in a crash it is folded again, from jobs that are not
	batch.Queue(putOut, r.ids).QueryRow(func(row pgx.Row) error { return row.Scan(&outbox) })
	batch.Queue(update, r.ids, r.statuses, r.succeeded, r.partial, r.failed, r.dead, r.skipped, r.cancelled, r.changed)
	batch.Queue(startFollowing, r.ids, syncjob.RunDeadline(syncjob.Manual, 0)).Exec(func(tag pgconn.CommandTag) error {
		hinted(ctx, tag)
		return nil
	})
	batch.Queue(selectRun+` WHERE r.id = ANY ($1::uuid[])`, r.ids).Query(func(rows pgx.Rows) (err error) {
		folded, err = pgx.CollectRows(rows, scanRun)
		return err
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	for i := range folded {
		folded[i].outbox = outbox
		postgres.Hint(ctx, ChannelRuns, folded[i].ID)
	}
	return folded, nil
}
