package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Totals are the jobs of one data type of a run, added up. A backfill has
// thousands of jobs, and who watches it needs no more than this.
type Totals struct {
	DataType    syncjob.DataType
	Jobs        int
	Queued      int
	Running     int
	Waiting     int
	Succeeded   int
	Partial     int
	Failed      int
	Dead        int
	Skipped     int
	Cancelled   int
	RowsFetched int64
	RowsChanged int64
	RowsDeleted int64
	Requests    int64
	// StartedAt is when the first job was taken, FinishedAt when the last one
	// that is over ended.
	StartedAt, FinishedAt *time.Time
	// WindowFrom and WindowTo are how far the jobs' windows reach.
	WindowFrom, WindowTo *time.Time
	// ErrorClass and ErrorMessage are of the job that ended last among those that
	// did not succeed and say why.
	ErrorClass, ErrorMessage string
	AsOf                     *time.Time // the oldest
}

// Totals adds up the jobs of a run, by data type.
func (l *Ledger) Totals(ctx context.Context, runID string) ([]Totals, error) {
	const query = `
SELECT data_type, count(*),
       count(*) FILTER (WHERE status = 'queued'), count(*) FILTER (WHERE status = 'running'),
       count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE status = 'succeeded'),
       count(*) FILTER (WHERE status = 'partial'), count(*) FILTER (WHERE status = 'failed'),
       count(*) FILTER (WHERE status = 'dead'), count(*) FILTER (WHERE status = 'skipped'),
       count(*) FILTER (WHERE status = 'cancelled'),
       coalesce(sum(rows_fetched), 0)::bigint, coalesce(sum(rows_changed), 0)::bigint,
       coalesce(sum(rows_deleted), 0)::bigint, coalesce(sum(exchange_requests), 0)::bigint,
       min(started_at), max(finished_at),
       min(lower("window")) FILTER (WHERE NOT lower_inf("window")), max(upper("window")) FILTER (WHERE NOT upper_inf("window")),
       coalesce((array_agg(error_class ORDER BY finished_at DESC NULLS LAST, id) FILTER (WHERE why))[1], ''),
       coalesce((array_agg(error_message ORDER BY finished_at DESC NULLS LAST, id) FILTER (WHERE why))[1], ''),
       min(as_of)
FROM (SELECT *, error_class IS NOT NULL AND status <> 'succeeded' AS why
      FROM alphapulse.sync_jobs WHERE run_id = $1) j
GROUP BY data_type`
	rows, err := l.db.Query(ctx, query, runID)
	if err != nil {
		return nil, notFound(err, "jobs of run %s", runID)
	}
	totals, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Totals])
	if err != nil {
		return nil, fmt.Errorf("adding up the jobs of run %s: %w", runID, err)
	}
	known := syncjob.Known()
	slices.SortFunc(totals, func(a, b Totals) int {
		return slices.Index(known, a.DataType) - slices.Index(known, b.DataType)
	})
	return totals, nil
}
