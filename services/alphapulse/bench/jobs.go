package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// queueJobs makes a run with one job for each account, all due at once, and wakes
// the scheduler.
func (m *machine) queueJobs(ctx context.Context, ids []string, t syncjob.DataType, trigger syncjob.Trigger) error {
	const insert = `
WITH r AS (
    INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, jobs_total, started_at, deadline_at)
    SELECT a, ARRAY[$2::text], $3, 1, clock_timestamp(), clock_timestamp() + interval '1 hour'
    FROM unnest($1::uuid[]) AS a RETURNING id, account_id)
INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, next_at)
SELECT r.id, r.account_id, $2, 'live', $3, $4, $5, clock_timestamp() FROM r`
	return m.db.InTx(ctx, "queue jobs", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, insert, ids, string(t), string(trigger), consumerOf(t, syncjob.Live).Name(),
			syncjob.MaxAttempts(syncjob.Live, trigger))
		if err != nil {
			return fmt.Errorf("queueing jobs: %w", err)
		}
		postgres.Hint(ctx, ledger.ChannelJobs, "")
		return nil
	})
}

// awaitPublished returns when every job is in line.
func (m *machine) awaitPublished(ctx context.Context, f *fleet) error {
	const query = `
SELECT count(*), count(*) FILTER (WHERE next_at IS NULL AND stream_seq IS NOT NULL) FROM alphapulse.sync_jobs
WHERE status = 'queued' AND coalesce(next_at, '-infinity') < 'infinity'`
	looked := time.Now().Add(-time.Second)
	return look(ctx, func() (bool, error) {
		if time.Since(looked) < 100*time.Millisecond { // it counts all jobs
			return false, nil
		}
		var all, published int
		if err := m.db.QueryRow(ctx, query).Scan(&all, &published); err != nil {
			return false, fmt.Errorf("counting published jobs: %w", err)
		}
		looked = time.Now()
		m.cfg.Progress("publishing", published, all)
		return published == all, f.ended()
	})
}

// outcome is what became of the jobs of a pass.
type outcome struct {
	jobs               int
	fetched, changed   int64
	requests           int64
	began, ended       time.Time // the first claim, the last end
	waitP50, waitP99   float64   // from queued to claimed, in seconds
	workP50, workP99   float64   // from claimed to its outcome
	publishP99, behind float64   // from planned to published; the longest
}

// outcome reads it, and is an error if a job has not succeeded: then the pass says
// nothing.
func (m *machine) outcome(ctx context.Context, want int) (outcome, error) {
	const query = `
SELECT count(*), count(*) FILTER (WHERE status <> 'succeeded'),
       coalesce(min(status || ': ' || coalesce(error_class, '') || ' ' || coalesce(error_message, ''))
                FILTER (WHERE status <> 'succeeded'), ''),
       coalesce(sum(rows_fetched), 0)::bigint, coalesce(sum(rows_changed), 0)::bigint,
       coalesce(sum(exchange_requests), 0)::bigint,
       coalesce(min(started_at), 'epoch'), coalesce(max(finished_at), 'epoch'),
       coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - queued_at)), 0),
       coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - queued_at)), 0),
       coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)), 0),
       coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)), 0),
       coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM published_at - queued_at)), 0),
       coalesce(max(extract(epoch FROM published_at - queued_at)), 0)::double precision
FROM alphapulse.sync_jobs`
	var o outcome
	var failed int
	var why string
	err := m.db.QueryRow(ctx, query).Scan(&o.jobs, &failed, &why, &o.fetched, &o.changed, &o.requests, &o.began, &o.ended,
		&o.waitP50, &o.waitP99, &o.workP50, &o.workP99, &o.publishP99, &o.behind)
	switch {
	case err != nil:
		return o, fmt.Errorf("reading what became of the jobs: %w", err)
	case failed > 0:
		return o, fmt.Errorf("%d of %d jobs did not succeed, such as one that is %s", failed, o.jobs, why)
	case want > 0 && o.jobs != want:
		return o, fmt.Errorf("%d jobs have run, and not %d", o.jobs, want)
	}
	return o, nil
}
