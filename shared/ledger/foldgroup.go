package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

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
// before he reports, and his report finds the others ended. The others are counted
// without a lock, too: a job that has ended never changes again, and whoever adds one
// raises the run's total with it. So a run is stored as it was counted if, under its
// lock, it still is running, as large and no longer growing.
func (l *Ledger) FoldGroup(ctx context.Context, runIDs []string) (folded []Run, left []string, err error) {
	runs, err := l.counted(ctx, runIDs)
	if err != nil {
		return nil, nil, fmt.Errorf("counting the jobs of %d runs: %w", len(runIDs), err)
	}
	known := make(map[string]bool, len(runs))
	var over []*countedRun
	for _, r := range runs {
		if r.Trigger == syncjob.TriggerProbe {
			continue
		}
		known[r.ID] = true
		if r.fold() {
			over = append(over, r)
		}
	}
	left = slices.DeleteFunc(slices.Clone(runIDs), func(id string) bool { return known[id] })
	if len(over) == 0 {
		return nil, left, nil
	}
	err = l.db.InTx(ctx, "fold group", func(ctx context.Context, tx pgx.Tx) error {
		folded, err = storeFolded(ctx, tx, over)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("folding %d runs: %w", len(over), err)
	}
	return folded, left, nil
}

// countedRun is a run with what its jobs have come to; without them if one is open.
type countedRun struct {
	Run
	growing           bool
	statuses, reasons []string
	changed           int64
}

// fold puts the run into the state that its jobs make of it, and reports whether that
// is an end.
func (r *countedRun) fold() bool {
	if r.Status != syncjob.RunRunning || r.growing {
		return false
	}
	var c counts
	c.by = map[syncjob.Status]int{}
	for i, status := range r.statuses {
		c.add(syncjob.Ended{Status: syncjob.Status(status), Cancel: syncjob.CancelReason(r.reasons[i])})
	}
	r.Status, r.Changed = syncjob.Fold(c.ended), r.changed
	r.Succeeded, r.Partial, r.Failed = c.by[syncjob.Succeeded], c.by[syncjob.Partial], c.by[syncjob.Failed]
	r.Dead, r.Skipped, r.Cancelled = c.by[syncjob.Dead], c.by[syncjob.Skipped], c.by[syncjob.Cancelled]
	return r.Status != syncjob.RunRunning && len(r.statuses) == r.Total
}

// fewJobs is up to how many jobs of a run are read although one may be open: to look for
// that first would take longer.
const fewJobs = 16

// counted reads runs with what their jobs have come to, in the order of their ids.
func (l *Ledger) counted(ctx context.Context, ids []string) ([]*countedRun, error) {
	rows, err := l.db.Query(ctx, `
SELECT `+runFields+`, r.growing, coalesce(j.statuses, '{}'), coalesce(j.reasons, '{}'), coalesce(j.changed, 0)`+runSource+`
CROSS JOIN LATERAL (
    SELECT array_agg(c.status) AS statuses, array_agg(coalesce(c.cancel_reason, '')) AS reasons,
           sum(c.rows_changed + c.rows_deleted)::bigint AS changed
    FROM alphapulse.sync_jobs c WHERE c.run_id = r.id AND (r.jobs_total <= $2 OR NOT `+hasOpenJob+`)) j
WHERE r.id = ANY ($1::uuid[]) ORDER BY r.id`, ids, fewJobs)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*countedRun, error) {
		r := &countedRun{}
		err := row.Scan(append(r.columns(), &r.growing, &r.statuses, &r.reasons, &r.changed)...)
		return r, err
	})
}

// foldedRows are runs that have ended, as columns.
type foldedRows struct {
	ids, statuses                                               []string
	total, succeeded, partial, failed, dead, skipped, cancelled []int32
	changed                                                     []int64
}

func (f *foldedRows) add(r *Run) {
	count := func(n int) int32 { return int32(n) } //nolint:gosec // the jobs of a run
	f.ids, f.statuses, f.total = append(f.ids, r.ID), append(f.statuses, string(r.Status)), append(f.total, count(r.Total))
	f.succeeded, f.partial = append(f.succeeded, count(r.Succeeded)), append(f.partial, count(r.Partial))
	f.failed, f.dead = append(f.failed, count(r.Failed)), append(f.dead, count(r.Dead))
	f.skipped, f.cancelled = append(f.skipped, count(r.Skipped)), append(f.cancelled, count(r.Cancelled))
	f.changed = append(f.changed, r.Changed)
}

// storeFolded stores runs that are over, which come in the order of their ids and are
// locked in it, and gives those that still were as they were counted.
func storeFolded(ctx context.Context, tx pgx.Tx, over []*countedRun) ([]Run, error) {
	store := `
WITH folded AS (
    UPDATE alphapulse.sync_runs r
    SET status = u.status, jobs_succeeded = u.succeeded, jobs_partial = u.partial, jobs_failed = u.failed,
        jobs_dead = u.dead, jobs_skipped = u.skipped, jobs_cancelled = u.cancelled, rows_changed = u.changed,
        finished_at = clock_timestamp()
    FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[],
                $8::integer[], $9::integer[], $10::bigint[])
             AS u (id, status, total, succeeded, partial, failed, dead, skipped, cancelled, changed)
    WHERE ` + keyed("r.id", "u.id") + `
      AND r.status || '' = 'running' AND NOT r.growing AND r.jobs_total = u.total
    RETURNING r.id, r.finished_at),
noted AS (
    INSERT INTO alphapulse.run_outbox (run_ids) SELECT array_agg(id) FROM folded HAVING count(*) > 0 RETURNING id)
SELECT folded.id::text, folded.finished_at, noted.id FROM folded, noted`
	var f foldedRows
	of := make(map[string]*Run, len(over))
	for _, r := range over {
		f.add(&r.Run)
		of[r.ID] = &r.Run
	}
	var folded []Run
	batch := &pgx.Batch{}
	batch.Queue(unflushed) // forgotten in a crash it is folded again, from jobs that are not
	batch.Queue(store, f.ids, f.statuses, f.total, f.succeeded, f.partial, f.failed, f.dead, f.skipped, f.cancelled, f.changed).
		Query(func(rows pgx.Rows) error {
			var id string
			var at time.Time
			var outbox int64
			_, err := pgx.ForEachRow(rows, []any{&id, &at, &outbox}, func() error {
				run := *of[id]
				run.FinishedAt, run.outbox = new(at), outbox
				folded = append(folded, run)
				return nil
			})
			return err
		})
	batch.Queue(startFollowing, f.ids, syncjob.RunDeadline(syncjob.Manual, 0)).Exec(func(tag pgconn.CommandTag) error {
		hinted(ctx, tag)
		return nil
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	for _, run := range folded {
		postgres.Hint(ctx, ChannelRuns, run.ID)
	}
	return folded, nil
}
