package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// TestAStepLooksALittleBeforeWhereItBegins: what was locked, or not yet visible, when
// the last step looked is found by the next one. What has been due for longer is found
// from the very beginning.
func TestAStepLooksALittleBeforeWhereItBegins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		due   string // before where the step begins
		found bool
	}{
		"just before": {due: "1 second", found: true},
		"long before": {due: "3 seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fleet(1)
			b.exec(`UPDATE alphapulse.schedules SET enabled = data_type = 'balances' AND account_id IS NOT NULL`)
			from := b.clock().Add(-time.Minute)
			b.exec(`UPDATE alphapulse.schedules SET next_at = $1::timestamptz - $2::interval`, from, c.due)
			b.seesSlot(from, c.found)

			b.manual(b.active("main"), syncjob.Balances)
			b.exec(`UPDATE alphapulse.sync_jobs SET next_at = $1::timestamptz - $2::interval WHERE next_at IS NOT NULL`, from, c.due)
			b.seesJob(from, c.found)
		})
	}
}

// TestAClockThatWasSetBackHidesNothing: where a step begins may then lie in the future.
func TestAClockThatWasSetBackHidesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(1)
	b.exec(`UPDATE alphapulse.schedules SET enabled = data_type = 'balances' AND account_id IS NOT NULL`)
	b.manual(b.active("main"), syncjob.Orders)
	ahead := b.clock().Add(time.Hour)
	due := func() { // at each look: it has to be within what a step looks back
		b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp()`)
		b.exec(`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() WHERE next_at IS NOT NULL`)
	}
	due()
	wait, _, err := b.NextSlot(t.Context(), ahead, time.Minute)
	require.NoError(t, err)
	require.Zero(t, wait)
	due()
	wait, _, err = b.NextDue(t.Context(), ahead, time.Minute)
	require.NoError(t, err)
	require.Zero(t, wait)
	due()
	jobs, err := b.TakeDueFrom(t.Context(), ahead, 10)
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	due()
	planned, _, err := b.PlanSlots(t.Context(), syncjob.Account, Batch{From: ahead, Limit: 10})
	require.NoError(t, err)
	require.Positive(t, planned.Jobs)
}

// TestTheNextStepBeginsAtWhatIsDue: or now, if nothing is.
func TestTheNextStepBeginsAtWhatIsDue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fleet(1)
	due := b.clock().Add(-time.Second)
	b.exec(`UPDATE alphapulse.schedules SET next_at = CASE WHEN data_type = 'balances' THEN $1::timestamptz ELSE 'infinity' END`, due)
	_, first, err := b.NextSlot(t.Context(), time.Time{}, time.Minute)
	require.NoError(t, err)
	require.WithinDuration(t, due, first, 0)
	b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() + interval '20 s' WHERE data_type = 'balances'`)
	before := b.clock()
	wait, first, err := b.NextSlot(t.Context(), time.Time{}, time.Minute)
	require.NoError(t, err)
	require.LessOrEqual(t, wait, 20*time.Second)
	require.Positive(t, wait)
	require.WithinRange(t, first, before, b.clock())
}

// clock is the server's.
func (b bundle) clock() (now time.Time) {
	b.t.Helper()
	require.NoError(b.t, b.db.QueryRow(b.ctx(), `SELECT clock_timestamp()`).Scan(&now))
	return now
}

// seesSlot checks whether a due slot is found, and that it is from the very beginning.
func (b bundle) seesSlot(from time.Time, found bool) {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.sync_jobs SET status = 'cancelled', finished_at = clock_timestamp(), next_at = NULL WHERE finished_at IS NULL`)
	planned := 0
	for _, c := range []struct {
		from  time.Time
		found bool
	}{{from, found}, {time.Time{}, true}} {
		wait, _, err := b.NextSlot(b.ctx(), c.from, time.Minute)
		require.NoError(b.t, err)
		require.Equal(b.t, c.found && planned == 0, wait == 0)
		step, _, err := b.PlanSlots(b.ctx(), syncjob.Account, Batch{From: c.from, Limit: 10})
		require.NoError(b.t, err)
		planned += step.Jobs
		require.Equal(b.t, c.found, planned == 1)
	}
}

// seesJob checks whether a due job is found, and that it is from the very beginning.
func (b bundle) seesJob(from time.Time, found bool) {
	b.t.Helper()
	taken := 0
	for _, c := range []struct {
		from  time.Time
		found bool
	}{{from, found}, {time.Time{}, true}} {
		wait, _, err := b.NextDue(b.ctx(), c.from, time.Minute)
		require.NoError(b.t, err)
		require.Equal(b.t, c.found && taken == 0, wait == 0)
		jobs, err := b.TakeDueFrom(b.ctx(), c.from, 10)
		require.NoError(b.t, err)
		taken += len(jobs)
		require.Equal(b.t, c.found, taken == 1)
	}
}

// TestNoStepWalksOverWhatIsDone: until the next vacuum, whatever was due is in its index,
// before all that is due.
func TestNoStepWalksOverWhatIsDone(t *testing.T) {
	t.Parallel()
	b := setup(t).single()
	b.fleet(500)
	b.exec(`ALTER TABLE alphapulse.schedules SET (autovacuum_enabled = false)`)
	b.exec(`ALTER TABLE alphapulse.sync_jobs SET (autovacuum_enabled = false)`)
	b.makeDue("1 minute")
	_, err := b.PlanDue(t.Context(), syncjob.Account, 500)
	require.NoError(t, err)
	for ago := 60; ago > 20; ago-- {
		b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() - $1 * interval '1 s' WHERE data_type = 'balances'`, ago)
		b.exec(`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() - $1 * interval '1 s' WHERE data_type IN ('balances', 'orders')`, ago)
	}
	b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() + interval '1 hour'`)
	b.exec(`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() + interval '1 hour'`)

	const most = 10 // blocks, each of a few hundred entries
	for _, step := range []struct {
		name, index string
		run         func(from time.Time) error
	}{
		{"PlanSlots", "schedules_due", func(from time.Time) error {
			_, _, err := b.PlanSlots(t.Context(), syncjob.Account, Batch{From: from, Limit: 10})
			return err
		}},
		{"NextSlot", "schedules_due", func(from time.Time) error {
			_, _, err := b.NextSlot(t.Context(), from, time.Minute)
			return err
		}},
		{"TakeDueFrom", "sync_jobs_due", func(from time.Time) error {
			_, err := b.TakeDueFrom(t.Context(), from, 10)
			return err
		}},
		{"NextDue", "sync_jobs_due", func(from time.Time) error {
			_, _, err := b.NextDue(t.Context(), from, time.Minute)
			return err
		}},
	} {
		blocks := func(from time.Time) int {
			before := b.blocks(step.index)
			require.NoError(t, step.run(from))
			return b.blocks(step.index) - before
		}
		require.Greater(t, blocks(time.Time{}), most, "%s from the very beginning", step.name)
		require.Less(t, blocks(b.clock()), most, "%s from now", step.name)
	}
}

// blocks is how many blocks of an index were visited.
func (b bundle) blocks(index string) int {
	b.t.Helper()
	b.exec(`SELECT pg_stat_force_next_flush()`)
	return b.count(`SELECT idx_blks_hit + idx_blks_read FROM pg_statio_user_indexes WHERE indexrelname = $1`, index)
}
