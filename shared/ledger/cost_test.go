package ledger

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// single is a ledger with one connection, whose statistics are therefore
// complete when they are read.
func (b bundle) single() bundle {
	b.t.Helper()
	b.Ledger = New(b.test.Open(b.t, func(c *postgres.Config) { c.MaxConns, c.ByIndex = 1, true }), Settings{})
	return b
}

// scans gives how often each index was used, and under a table's name how
// often the whole table was read.
func (b bundle) scans() map[string]int {
	b.t.Helper()
	b.exec(`SELECT pg_stat_force_next_flush()`)
	rows, err := b.db.Query(b.ctx(), `
SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE schemaname = 'alphapulse'
UNION ALL SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'alphapulse'`)
	require.NoError(b.t, err)
	found := map[string]int{}
	var name string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { found[name] = n; return nil })
	require.NoError(b.t, err)
	return found
}

// aged fills the tables with 10,000 ended runs of a thousand accounts, an open
// one of each with queued jobs, a few that run, coverage without a hole, some
// quarantine, and fresh statistics.
func (b bundle) aged() {
	b.t.Helper()
	b.fleet(1000)
	b.exec(`INSERT INTO alphapulse.sync_runs
    (account_id, requested_types, trigger, status, jobs_total, started_at, deadline_at, finished_at, announced_at)
SELECT a.id, '{balances,orders}', 'schedule', CASE WHEN n > 1 THEN 'succeeded' ELSE 'running' END, 2,
       clock_timestamp(), clock_timestamp() + interval '1 minute',
       CASE WHEN n > 1 THEN clock_timestamp() END, clock_timestamp()
FROM alphapulse.accounts a, generate_series(1, 11) n`)
	b.exec(`INSERT INTO alphapulse.sync_jobs
    (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, status, publishes, published_at,
     stream_seq, stream_created, finished_at, rows_changed, announced_at)
SELECT r.id, r.account_id, t.t, 'live', 'schedule', 'bybit-testnet-' || t.t || '-live', 3,
       CASE WHEN r.status = 'running' THEN 'queued' ELSE 'succeeded' END, 1, clock_timestamp(),
       row_number() OVER (), timestamptz '2026-01-01Z', r.finished_at, 1, clock_timestamp()
FROM alphapulse.sync_runs r, unnest(r.requested_types) t (t)`)
	b.exec(`UPDATE alphapulse.sync_jobs SET status = 'running', claim = gen_random_uuid(), attempt = 1,
    lease_until = clock_timestamp() + interval '10 seconds', timeout_at = clock_timestamp() + interval '1 minute'
WHERE id IN (SELECT DISTINCT ON (subject_id, data_type) id FROM alphapulse.sync_jobs WHERE status = 'queued'
             ORDER BY subject_id, data_type, id LIMIT 50)`)
	b.exec(`UPDATE alphapulse.schedules SET next_at = next_at + interval '1 hour'`)
	b.exec(`INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered)
SELECT a.id, t.t, s, '{[2026-01-05Z,2026-02-05Z)}'
FROM alphapulse.accounts a, unnest('{orders,fills,ledger}'::text[]) t (t), generate_series(1, 4) s`)
	b.exec(`INSERT INTO alphapulse.quarantine (account_id, data_type, scope, reason, payload, payload_hash, run_id)
SELECT id, 'fills', 'linear', 'why', '{}', sha256(id::text::bytea), id FROM alphapulse.accounts`)
	b.exec(`ANALYZE`)
}

// Every sweep has its index, and none reads a table as a whole, however many
// ended runs there are and however many jobs are queued.
func TestRule11SweepsCostNothingWhenNothingIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t).single()
	b.aged()
	sweeps := []struct {
		name, index string
		run         func() (int, error)
	}{
		{"TakeDue", "sync_jobs_due", func() (int, error) { p, err := b.TakeDue(t.Context(), 100); return len(p), err }},
		{"NextDue", "sync_jobs_due", func() (int, error) {
			_, _, err := b.NextDue(t.Context(), time.Time{}, time.Second)
			return 0, err
		}},
		{"NextSlot", "schedules_due", func() (int, error) {
			_, _, err := b.NextSlot(t.Context(), time.Time{}, time.Second)
			return 0, err
		}},
		{"RepublishUnconfirmed", "sync_jobs_unconfirmed", func() (int, error) { return b.RepublishUnconfirmed(t.Context(), 100) }},
		{"InLine", "sync_jobs_in_line", func() (int, error) { _, err := b.InLine(t.Context(), consumer, 100); return 0, err }},
		{"OldestOpenSeq", "sync_jobs_in_line", func() (int, error) {
			_, _, err := b.OldestOpenSeq(t.Context(), consumer, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			return 0, err
		}},
		{"TakeBackLost", "sync_jobs_running", func() (int, error) { return b.TakeBackLost(t.Context(), 100) }},
		{"TakeBackLost of live jobs", "sync_jobs_one_running", func() (int, error) { return b.TakeBackLost(t.Context(), 100) }},
		{"EndOverdue", "sync_runs_deadline", func() (int, error) { return b.EndOverdue(t.Context(), 100) }},
		{"EndOverdue's extension", "sync_runs_moving", func() (int, error) { return b.EndOverdue(t.Context(), 100) }},
		{"EndOverdue's extension of what is paused", "sync_jobs_paused", func() (int, error) { return b.EndOverdue(t.Context(), 100) }},
		{"WakePaused", "sync_jobs_paused", func() (int, error) { return b.WakePaused(t.Context(), 100) }},
		{"LetGoHeld", "sync_jobs_held", func() (int, error) { return b.LetGoHeld(t.Context(), 100) }},
		{"FillHoles", "sync_coverage_holed", func() (int, error) { return b.FillHoles(t.Context(), 100) }},
		{"PlanVerify", "accounts_verify", func() (int, error) { return b.PlanVerify(t.Context(), 100) }},
		{"TakeExpiryWarnings", "accounts_key_expiry", func() (int, error) {
			keys, err := b.TakeExpiryWarnings(t.Context(), 100)
			return len(keys), err
		}},
		{"PruneQuarantine", "quarantine_age", func() (int, error) { return b.PruneQuarantine(t.Context(), 100) }},
		{"StartFollowers", "sync_runs_followers", func() (int, error) { return b.StartFollowers(t.Context(), 100) }},
		{"Unfolded", "sync_runs_deadline", func() (int, error) { ids, err := b.Unfolded(t.Context(), 0, 100); return len(ids), err }},
		{"UnannouncedJobs", "sync_jobs_unannounced", func() (int, error) {
			n, err := b.UnannouncedJobs(t.Context(), 0, 100)
			return len(n), err
		}},
		{"UnannouncedRuns", "run_outbox_pkey", func() (int, error) {
			n, err := b.UnannouncedRuns(t.Context(), 0, 100)
			return len(n), err
		}},
		{"Prune", "sync_runs_finished", func() (int, error) { return b.Prune(t.Context(), 100) }},
		{"PlanDue", "schedules_due", func() (int, error) {
			p, err := b.PlanDue(t.Context(), syncjob.Account, 100)
			return p.Jobs, err
		}},
	}
	for _, sweep := range sweeps {
		for range 7 { // from the sixth on, a prepared statement may use a plan for all values
			before := b.scans()
			n, err := sweep.run()
			require.NoError(t, err, sweep.name)
			require.Zero(t, n, "%s: nothing is wrong", sweep.name)
			after := b.scans()
			for _, table := range []string{"sync_jobs", "sync_runs", "schedules", "sync_coverage"} {
				require.Equal(t, before[table], after[table], "%s reads all of %s", sweep.name, table)
			}
			require.Greater(t, after[sweep.index], before[sweep.index], "%s does not use %s", sweep.name, sweep.index)
		}
	}
}

func TestBusySweepsReadNoTableAsAWhole(t *testing.T) {
	t.Parallel()
	b := setup(t).single()
	b.aged()
	b.exec(`UPDATE alphapulse.sync_jobs SET status = 'cancelled', finished_at = clock_timestamp()
WHERE finished_at IS NULL AND account_id IN (SELECT id FROM alphapulse.accounts WHERE name > 'a8')`)
	work := func() {
		b.makeDue("1 second")
		b.exec(`UPDATE alphapulse.sync_jobs SET published_at = '2026-01-01Z', stream_seq = NULL
WHERE id IN (SELECT id FROM alphapulse.sync_jobs WHERE status = 'queued' AND next_at IS NULL LIMIT 100)`)
		b.exec(`UPDATE alphapulse.sync_runs SET finished_at = '2000-01-01Z'
WHERE id IN (SELECT id FROM alphapulse.sync_runs WHERE status <> 'running' LIMIT 100)`)
	}
	for range 7 {
		work()
		before := b.scans()
		planned, err := b.PlanDue(t.Context(), syncjob.Account, 1000)
		require.NoError(t, err)
		unconfirmed, err := b.RepublishUnconfirmed(t.Context(), 1000)
		require.NoError(t, err)
		require.Positive(t, unconfirmed)
		require.GreaterOrEqual(t, len(b.publish()), planned.Jobs+unconfirmed)
		unfolded, err := b.Unfolded(t.Context(), 0, 1000)
		require.NoError(t, err)
		for _, id := range unfolded {
			b.fold(id)
		}
		pruned, err := b.Prune(t.Context(), 100)
		require.NoError(t, err)
		require.Equal(t, 100, pruned)
		after := b.scans()
		require.Equal(t, before["sync_jobs"], after["sync_jobs"])
		require.Equal(t, before["sync_runs"], after["sync_runs"])
	}
}

func TestTheWalkOfAJobReadsNoTableAsAWhole(t *testing.T) {
	t.Parallel()
	b := setup(t).single()
	b.aged()
	account, err := b.AccountByName(t.Context(), "a1")
	require.NoError(t, err)
	b.exec(`UPDATE alphapulse.sync_jobs SET status = 'cancelled', finished_at = clock_timestamp()
WHERE subject_id = $1 AND finished_at IS NULL`, account.ID)
	var run Run
	for range 7 {
		before := b.scans()
		run = b.manual(account, syncjob.All()...)
		for _, dataType := range syncjob.All() {
			job := b.claim(b.jobOf(run.ID, dataType))
			_, err := b.Extend(t.Context(), []Holding{{JobID: job.JobID, Claim: job.Claim}})
			require.NoError(t, err)
			require.Equal(t, Busy, b.refused(job.JobID).Answer)
			b.commit(job, succeeded())
		}
		require.Equal(t, syncjob.RunSucceeded, b.fold(run.ID).Status)
		after := b.scans()
		for _, table := range []string{"sync_jobs", "sync_runs"} {
			require.Equal(t, before[table], after[table], table)
		}
	}
	before := b.scans()["sync_runs"]
	b.exec(`DELETE FROM alphapulse.sync_runs WHERE id = $1`, run.ID)
	require.Equal(t, before, b.scans()["sync_runs"], "a run's deletion looks for its followers by index")
}

// No index has lease_until, so a heartbeat writes no index entry.
func TestRule11HeartbeatsAreHeapOnly(t *testing.T) {
	t.Parallel()
	b := setup(t).single()
	_, held := b.running(b.active("main"))
	hot := func() int {
		b.exec(`SELECT pg_stat_force_next_flush()`)
		return b.count(`SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sync_jobs'`)
	}
	before := hot()
	const beats = 20
	for range beats {
		extended, err := b.Extend(t.Context(), []Holding{held})
		require.NoError(t, err)
		require.Len(t, extended, 1)
	}
	require.GreaterOrEqual(t, hot()-before, beats-2, "a row moves when its page is full")
}
