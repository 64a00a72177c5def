package ledger

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// rowsRead is how many rows and index entries the statements of one connection have
// read in the tables of the queue.
func (b bundle) rowsRead() int {
	b.t.Helper()
	b.exec(`SELECT pg_stat_force_next_flush()`)
	return b.count(`
SELECT (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables WHERE relname = ANY ($1))
     + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = ANY ($1))`,
		[]string{"sync_jobs", "sync_runs", "sync_state", "accounts", "schedules"})
}

// TestNoPlanDependsOnHowBigATableWas: a session that looks rows up plans a statement
// once, perhaps on the first day of an installation. It must not read more rows a job
// when the tables are full.
func TestNoPlanDependsOnHowBigATableWas(t *testing.T) {
	t.Parallel()
	for name, analyze := range map[string]func(bundle){
		"never analyzed":       func(bundle) {},
		"analyzed while empty": func(b bundle) { b.exec(`ANALYZE`) },
		"analyzed while small": func(b bundle) { b.walk(walked, unmeasured); b.exec(`ANALYZE`) },
		"emptied after analyzed": func(b bundle) {
			b.walk(walked, unmeasured)
			b.exec(`ANALYZE`)
			b.exec(`TRUNCATE alphapulse.sync_runs, alphapulse.sync_jobs CASCADE`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t).young()
			analyze(b)
			b.walk(walked, unmeasured)
			b.sweeps(unmeasured)
			b.busy(others)
			b.sweeps(func(step string, run func()) {
				before := b.rowsRead()
				run()
				if read := b.rowsRead() - before; read > mostSwept {
					t.Errorf("%s reads %d rows though nothing is wrong, with %d jobs of others in line", step, read, 2*others)
				}
			})
			b.walk(walked, func(step string, run func()) {
				before := b.rowsRead()
				run()
				if read := b.rowsRead() - before; read > mostRead*walked {
					t.Errorf("%s reads %d rows for each of %d jobs, with %d jobs of others in line", step, read/walked, walked, 2*others)
				}
			})
		})
	}
}

const (
	walked   = 20   // jobs
	others   = 4000 // accounts in line
	mostRead = 60   // rows and index entries, by a step for each job

	mostSwept = 100 // what jobs that have ended leave in an index among them
)

func unmeasured(_ string, run func()) { run() }

// young is a ledger on one connection that looks rows up, with accounts whose balances
// are planned, and tables that nobody analyzes.
func (b bundle) young() bundle {
	b.t.Helper()
	b.Ledger = New(b.test.Open(b.t, func(c *postgres.Config) { c.MaxConns, c.ByIndex = 1, true }), Settings{})
	for _, table := range []string{"sync_jobs", "sync_runs", "sync_state", "accounts", "schedules"} {
		b.exec(`ALTER TABLE alphapulse.` + table + ` SET (autovacuum_enabled = false)`)
	}
	b.fleet(walked)
	b.exec(`UPDATE alphapulse.schedules SET enabled = data_type = 'balances' AND account_id IS NOT NULL`)
	return b
}

// busy adds n accounts with a queued job each that is in line, and one that is due
// later.
func (b bundle) busy(n int) {
	b.t.Helper()
	b.exec(`
WITH made AS (
    INSERT INTO alphapulse.accounts (name, market_id, status, key_version)
    SELECT 'busy-' || n, (SELECT id FROM alphapulse.markets), 'active', 1 FROM generate_series(1, $1::integer) n RETURNING id),
runs AS (
    INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, jobs_total, started_at, deadline_at)
    SELECT id, '{balances,orders}', 'schedule', 2, clock_timestamp(), clock_timestamp() + interval '1 hour' FROM made
    RETURNING id, account_id)
INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, publishes,
                                  published_at, stream_seq, stream_created, next_at)
SELECT r.id, r.account_id, t.name, 'live', 'schedule', 'bybit-testnet-' || t.name || '-live', 3, 1, clock_timestamp(),
       CASE WHEN t.name = 'balances' THEN row_number() OVER () END, CASE WHEN t.name = 'balances' THEN clock_timestamp() END,
       CASE WHEN t.name = 'orders' THEN clock_timestamp() + interval '1 hour' END
FROM runs r, unnest('{balances,orders}'::text[]) t (name)`, n)
}

// walk brings a due job of each of n accounts to its end, step by step.
func (b bundle) walk(n int, step func(name string, run func())) {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() - interval '1 s' WHERE enabled`)
	var due []Publication
	var jobs []*Claimed
	step("planning", func() {
		planned, err := b.PlanDue(b.ctx(), syncjob.Account, n)
		require.NoError(b.t, err)
		require.Equal(b.t, n, planned.Jobs)
	})
	step("finding what is due", func() { _, _, err := b.NextDue(b.ctx(), time.Time{}, time.Minute); require.NoError(b.t, err) })
	step("taking", func() {
		var err error
		due, err = b.TakeDue(b.ctx(), n)
		require.NoError(b.t, err)
		require.Len(b.t, due, n)
	})
	step("confirming", func() { require.NoError(b.t, b.Confirm(b.ctx(), receipts(due))) })
	step("claiming", func() {
		var err error
		jobs, err = b.ClaimGroup(b.ctx(), requests(due))
		require.NoError(b.t, err)
		require.NotContains(b.t, jobs, (*Claimed)(nil))
	})
	step("extending", func() {
		held, err := b.Extend(b.ctx(), holdings(jobs))
		require.NoError(b.t, err)
		require.Len(b.t, held, n)
	})
	step("committing", func() {
		settled, err := b.CommitGroup(b.ctx(), commitments(jobs), func(_ context.Context, _ pgx.Tx, places []int) ([]Written, error) {
			return make([]Written, len(places)), nil
		})
		require.NoError(b.t, err)
		for _, s := range settled {
			require.True(b.t, s.Applied, fmt.Sprint(s))
		}
	})
	step("folding", func() {
		runs, left, err := b.FoldGroup(b.ctx(), runsOf(due))
		require.NoError(b.t, err)
		require.Empty(b.t, left)
		require.Len(b.t, runs, n)
	})
}

// sweeps runs those of every second.
func (b bundle) sweeps(step func(name string, run func())) {
	b.t.Helper()
	for name, sweep := range map[string]func(context.Context, int) (int, error){
		"taking back lost jobs": b.TakeBackLost, "ending overdue runs": b.EndOverdue, "starting followers": b.StartFollowers,
		"republishing": b.RepublishUnconfirmed, "waking paused jobs": b.WakePaused, "letting held jobs go": b.LetGoHeld,
	} {
		step(name, func() {
			n, err := sweep(b.ctx(), 100)
			require.NoError(b.t, err, name)
			require.Zero(b.t, n, name)
		})
	}
	step("finding jobs to announce", func() { _, err := b.UnannouncedJobs(b.ctx(), time.Hour, 100); require.NoError(b.t, err) })
	step("finding runs to announce", func() { _, err := b.UnannouncedRuns(b.ctx(), time.Hour, 100); require.NoError(b.t, err) })
}

func receipts(due []Publication) []Receipt {
	all := make([]Receipt, len(due))
	for i, p := range due {
		all[i] = Receipt{JobID: p.JobID, Publishes: p.Publishes, Seq: uint64(i + 1), Created: time.Unix(1_800_000_000, 0)}
	}
	return all
}

func requests(due []Publication) []ClaimRequest {
	all := make([]ClaimRequest, len(due))
	for i, p := range due {
		all[i] = ClaimRequest{JobID: p.JobID, Claim: uuid.NewString(), Owner: "test", Publishes: p.Publishes}
	}
	return all
}

func holdings(jobs []*Claimed) []Holding {
	all := make([]Holding, len(jobs))
	for i, job := range jobs {
		all[i] = Holding{JobID: job.JobID, Claim: job.Claim}
	}
	return all
}

func commitments(jobs []*Claimed) []Commitment {
	all := make([]Commitment, len(jobs))
	for i, job := range jobs {
		all[i] = Commitment{Job: job, Outcome: succeeded()}
	}
	return all
}

func runsOf(due []Publication) []string {
	var ids []string
	for _, p := range due {
		ids = append(ids, p.RunID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
