package scheduler

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The dead letters are counted as often as everything else, however many jobs
// there are.
func TestDeadJobsAreCountedByTheirIndex(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	_, _, value := f.measured(Config{})
	ids := f.accounts(3)
	f.manual(ids)
	f.exec(`INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, status, finished_at)
	        SELECT run_id, account_id, data_type, lane, trigger, consumer, 3, CASE n WHEN 1 THEN 'dead' ELSE 'succeeded' END, clock_timestamp()
	        FROM alphapulse.sync_jobs, generate_series(1, 5000) n WHERE data_type = 'balances'`)
	f.exec(`INSERT INTO alphapulse.dead_letters_resolved (job_id, resolution, resolved_by)
	        SELECT id, 'discarded', 'anna' FROM alphapulse.sync_jobs WHERE status = 'dead' AND account_id = $1`, ids[0])
	f.exec(`ANALYZE`)
	require.Equal(t, 2, value("dead_jobs", "data_type=balances"), "one was dealt with")
	plan := f.plan(deadFigures().sql)
	require.Contains(t, plan, "sync_jobs_dead")
	require.NotContains(t, plan, "Seq Scan on sync_jobs")
}
