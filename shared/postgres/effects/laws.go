package effects

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Laws are what must hold of the tables of runs and jobs at any time: each query
// counts its breaches.
func Laws() map[string]string {
	return map[string]string{
		"two running live jobs of a subject and type": `SELECT count(*) FROM (SELECT FROM alphapulse.sync_jobs
WHERE status = 'running' AND lane = 'live' GROUP BY subject_id, data_type HAVING count(*) > 1) x`,
		"attempts out of bounds": `SELECT count(*) FROM alphapulse.sync_jobs WHERE attempt < 0 OR attempt > max_attempts`,
		"an ended run with an open job": `SELECT count(*) FROM alphapulse.sync_runs r JOIN alphapulse.sync_jobs j
ON j.run_id = r.id WHERE r.status <> 'running' AND j.finished_at IS NULL`,
		"more than two open manual runs": `SELECT count(*) FROM (SELECT FROM alphapulse.sync_runs
WHERE status = 'running' AND trigger = 'manual' GROUP BY account_id HAVING count(*) > 2) x`,
		"more than one open backfill": `SELECT count(*) FROM (SELECT FROM alphapulse.sync_runs
WHERE status = 'running' AND trigger = 'backfill' GROUP BY account_id HAVING count(*) > 1) x`,
		"a window that two open jobs read": `SELECT count(*) FROM (SELECT FROM alphapulse.sync_jobs
WHERE finished_at IS NULL AND trigger = 'backfill' GROUP BY subject_id, data_type, "window" HAVING count(*) > 1) x`,
		"a run without jobs, or with a wrong total": `SELECT count(*) FROM alphapulse.sync_runs r
WHERE jobs_total = 0 OR jobs_total <> (SELECT count(*) FROM alphapulse.sync_jobs j WHERE j.run_id = r.id)`,
		"counts that do not add up": `SELECT count(*) FROM alphapulse.sync_runs WHERE status <> 'running' AND jobs_total <>
jobs_succeeded + jobs_partial + jobs_failed + jobs_dead + jobs_skipped + jobs_cancelled`,
		"a published job of a run that has not started": `SELECT count(*) FROM alphapulse.sync_runs r
JOIN alphapulse.sync_jobs j ON j.run_id = r.id WHERE r.started_at IS NULL AND j.publishes > 0`,
	}
}

// Querier runs a query.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Broken lists the laws that do not hold now, in words and in order.
func Broken(ctx context.Context, db Querier, laws map[string]string) ([]string, error) {
	var broken []string
	for _, law := range slices.Sorted(maps.Keys(laws)) {
		var n int
		if err := db.QueryRow(ctx, laws[law]).Scan(&n); err != nil {
			return nil, fmt.Errorf("checking for %s: %w", law, err)
		}
		if n > 0 {
			broken = append(broken, fmt.Sprintf("%s (%d times)", law, n))
		}
	}
	return broken, nil
}
