package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// planShare of the planned accounts is what the cost of planning is compared
	// with.
	planShare = 10
	// planBatch is how many accounts one planning step takes, as the scheduler does.
	planBatch = 500
	// mostSteps bounds the steps whose cost is measured, at both sizes alike.
	mostSteps = 20

	planCostGoal    = 1.2
	schedulerMemory = 300_000_000
)

// plannedTypes are the scheduled types of an account that have the default cadence of
// a portfolio: prices are a market's, and histories follow the same path.
func plannedTypes() []syncjob.DataType {
	return []syncjob.DataType{syncjob.Balances, syncjob.Positions, syncjob.Orders}
}

// planning measures a scheduler with very many accounts, whose jobs end as soon as
// they are published. First the planning step alone: its cost for a slot with a tenth
// of the accounts and with all, and bare inserts of the same rows, which stand for the
// plain loop. Then schedules at their default cadence for as long as asked.
func (b *bench) planning(ctx context.Context) (Result, error) {
	t := newTally()
	small := max(1, b.cfg.PlannedAccounts/planShare)
	steps := max(1, min(mostSteps, small/planBatch/2)) // the last accounts that are due are not typical
	costs := map[int]Samples{}
	for _, accounts := range []int{small, b.cfg.PlannedAccounts} {
		if err := b.planAccounts(ctx, accounts); err != nil {
			return Result{}, err
		}
		for range b.cfg.Rounds {
			cost, err := b.planningCost(ctx, steps)
			if err != nil {
				return Result{}, err
			}
			costs[accounts] = append(costs[accounts], cost)
		}
	}
	for range b.cfg.Rounds {
		if err := b.bareInserts(ctx, t, steps); err != nil {
			return Result{}, err
		}
	}
	few, all := costs[small], costs[b.cfg.PlannedAccounts]
	for i := range all {
		t.add("planning_step_jobs_per_second", "jobs/s", 1/all[i])
		t.add("planning_cost_per_slot", "us", 1e6*all[i])
		t.add("planning_cost_per_slot_with_a_tenth", "us", 1e6*few[i])
		t.ratio("planning_cost_ratio", all[i], few[i])
		t.ratio(ratioSample, 1/all[i], t.samples[plainSample][i])
	}
	if err := b.planLive(ctx, t); err != nil {
		return Result{}, err
	}
	return t.result(judgePlanning), nil
}

func judgePlanning(name, process string, value float64) *Goal {
	switch {
	case name == "planning_cost_ratio":
		return atMost(planCostGoal, value)
	case name == "jobs_planned_of_slots_due", name == "published_within_1s", name == "slots_planned_within_1s":
		return atLeast(1, value)
	case name == "peak_memory_bytes" && process == "scheduler":
		return atMost(schedulerMemory, value)
	default:
		return nil
	}
}

// planAccounts brings the number of accounts with schedules up to n. Nobody reads
// them, so they have no keys.
func (b *bench) planAccounts(ctx context.Context, n int) error {
	b.cfg.Progress(fmt.Sprintf("making %d accounts with schedules", n), 0, 0)
	marketID, err := b.market(ctx)
	if err != nil {
		return err
	}
	const accounts = `
INSERT INTO alphapulse.accounts (name, market_id, status, key_version)
SELECT 'plan-' || i, $1, 'active', 1 FROM generate_series(1, $2::integer) AS i
ON CONFLICT (name) WHERE status <> 'removed' DO NOTHING`
	if _, err := b.db.Exec(ctx, accounts, marketID, n); err != nil {
		return fmt.Errorf("making accounts: %w", err)
	}
	const schedules = `
INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
SELECT id, $1, $2::interval, clock_timestamp() + random() * $2::interval FROM alphapulse.accounts WHERE name LIKE 'plan-%'
ON CONFLICT (subject_id, data_type) DO NOTHING`
	for _, t := range plannedTypes() {
		if _, err := b.db.Exec(ctx, schedules, string(t), t.Cadence()); err != nil {
			return fmt.Errorf("making schedules: %w", err)
		}
	}
	return nil
}

// planningCost is the time of a planning step for each slot, with every schedule due
// and nothing else at work.
func (b *bench) planningCost(ctx context.Context, steps int) (float64, error) {
	if err := b.allDue(ctx); err != nil {
		return 0, err
	}
	slots := 0
	began := time.Now()
	for range steps {
		planned, err := b.rows.PlanDue(ctx, syncjob.Account, planBatch)
		if err != nil {
			return 0, err
		}
		slots += planned.Jobs
	}
	took := time.Since(began)
	if slots == 0 {
		return 0, errNothingDue
	}
	return took.Seconds() / float64(slots), nil
}

// errNothingDue: the planning step has found no slot.
var errNothingDue = errors.New("no slot was due: the schedules of the accounts are gone")

// allDue makes every schedule due within the last second, and forgets what was
// planned before.
func (b *bench) allDue(ctx context.Context) error {
	b.cfg.Progress("making every slot due", 0, 0)
	err := b.execAll(ctx,
		`TRUNCATE alphapulse.sync_runs, alphapulse.sync_jobs CASCADE`,
		`UPDATE alphapulse.schedules SET next_at = clock_timestamp() - random() * interval '1 second'`,
	)
	if err != nil {
		return err
	}
	return b.write(ctx)
}

// bareInserts is the limit of planning: rows of as many runs and jobs as the steps
// make, in batches of the same size, and nothing that says whether they are due.
func (b *bench) bareInserts(ctx context.Context, t *tally, steps int) error {
	if err := b.allDue(ctx); err != nil {
		return err
	}
	const insert = `
WITH r AS (
    INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, jobs_total, started_at, deadline_at)
    SELECT a, $1::text[], 'schedule', cardinality($1::text[]), clock_timestamp(), clock_timestamp() + interval '1 minute'
    FROM unnest($2::uuid[]) AS a RETURNING id, account_id)
INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, next_at)
SELECT r.id, r.account_id, t, 'live', 'schedule', 'bybit-testnet-' || t || '-live', 3, clock_timestamp()
FROM r, unnest($1::text[]) AS t`
	var types []string
	for _, one := range plannedTypes() {
		types = append(types, string(one))
	}
	ids, err := b.planned(ctx, steps*planBatch)
	if err != nil {
		return err
	}
	rows := int64(0)
	began := time.Now()
	for batch := range slices.Chunk(ids, planBatch) {
		tag, err := b.db.Exec(ctx, insert, types, batch)
		if err != nil {
			return fmt.Errorf("inserting jobs: %w", err)
		}
		rows += tag.RowsAffected()
	}
	t.add(plainSample, "jobs/s", float64(rows)/time.Since(began).Seconds())
	return nil
}

// planned are accounts with schedules.
func (b *bench) planned(ctx context.Context, most int) ([]string, error) {
	rows, err := b.db.Query(ctx, `SELECT id::text FROM alphapulse.accounts WHERE name LIKE 'plan-%' LIMIT $1`, most)
	if err != nil {
		return nil, fmt.Errorf("listing accounts: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
