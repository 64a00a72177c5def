package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// spread sets the first slot of every schedule to within one cadence from when the
// returned time has come, which leaves enough of it to start what plans them.
func (b *bench) spread(ctx context.Context) (time.Time, error) {
	b.cfg.Progress("spreading the slots", 0, 0)
	lead := 3*time.Second + time.Duration(b.cfg.PlannedAccounts)*time.Second/2500
	start := time.Now().Add(lead)
	if err := b.execAll(ctx, `TRUNCATE alphapulse.sync_runs CASCADE`); err != nil {
		return start, err
	}
	const update = `UPDATE alphapulse.schedules SET next_at = now() + $1::interval + random() * every`
	if _, err := b.db.Exec(ctx, update, lead); err != nil {
		return start, fmt.Errorf("spreading the slots: %w", err)
	}
	return start, b.write(ctx)
}

// planLive runs the schedules at their cadence.
func (b *bench) planLive(ctx context.Context, t *tally) error {
	start, err := b.spread(ctx)
	if err != nil {
		return err
	}
	f, err := b.startFleet(ctx, parts{})
	defer f.stop()
	if err != nil {
		return err
	}
	ending, stopEnding := context.WithCancel(ctx)
	defer stopEnding()
	null, err := b.startNull(ending)
	if err != nil {
		return err
	}
	if err := b.forAsLong(ctx, f, time.Until(start)); err != nil {
		return err
	}
	before, err := b.slots(ctx, f)
	if err != nil {
		return err
	}
	used, err := b.usage(ctx, f.children)
	if err != nil {
		return err
	}
	if err := b.forAsLong(ctx, f, b.cfg.Duration); err != nil {
		return err
	}
	after, err := b.slots(ctx, f)
	if err != nil {
		return err
	}
	end, err := b.usage(ctx, f.children)
	if err != nil {
		return err
	}
	f.stop()
	stopEnding()
	if err := null.wait(); err != nil {
		return err
	}
	return b.notePlanned(ctx, t, before, after, used, end)
}

// notePlanned says what became of the slots.
func (b *bench) notePlanned(ctx context.Context, t *tally, before, after slotsSeen, used, end usage) error {
	const late = `
SELECT coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM published_at - queued_at)), 0),
       coalesce(max(extract(epoch FROM published_at - queued_at)), 0)::double precision
FROM alphapulse.sync_jobs WHERE publishes > 0`
	var p99, most float64
	if err := b.db.QueryRow(ctx, late).Scan(&p99, &most); err != nil {
		return fmt.Errorf("reading how soon jobs were published: %w", err)
	}
	seconds := end.at.Sub(used.at).Seconds()
	planned, due := after.planned-before.planned, after.passed-before.passed
	t.add(jobsSample, "jobs/s", planned/seconds)
	t.add("slots_due_per_second", "slots/s", due/seconds)
	t.ratio("jobs_planned_of_slots_due", planned, due)
	t.ratio("slots_planned_within_1s", after.soon-before.soon, after.seen-before.seen)
	t.add("published_after_planned_p99", "s", p99)
	t.add("published_after_planned_at_most", "s", most)
	written, err := b.logged(ctx, used.log, end.log)
	if err != nil {
		return err
	}
	t.used(int(planned), float64(runtime.NumCPU()), written, seconds, between(used, end))
	return nil
}
