package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/alphapulse/alphapulse/shared/ledger"
)

// spread sets every schedule to its first slot after the returned time, which leaves
// enough of it to start what plans them.
func (b *bench) spread(ctx context.Context) (time.Time, error) {
	b.cfg.Progress("spreading the slots", 0, 0)
	lead := 3*time.Second + time.Duration(b.cfg.PlannedAccounts)*time.Second/2500
	start := time.Now().Add(lead)
	if err := b.execAll(ctx, `TRUNCATE alphapulse.sync_runs, alphapulse.sync_jobs CASCADE`); err != nil {
		return start, err
	}
	update := `UPDATE alphapulse.schedules SET next_at = ` + ledger.SlotAfter("subject_id", "every", "now() + $1::interval")
	if _, err := b.db.Exec(ctx, update, lead); err != nil {
		return start, fmt.Errorf("spreading the slots: %w", err)
	}
	return start, b.write(ctx)
}

// planHeap is for the broker in this process, which remembers the ids of a million
// messages for its dedupe window: a broker by itself would be given as much.
const planHeap = 2 << 30

// planAhead is how long before the first slot the bench reads the tables.
const planAhead = 5 * time.Second

// planLive runs the schedules at their cadence.
func (b *bench) planLive(ctx context.Context, t *tally) error {
	defer b.cfg.Heap(planHeap)()
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
	// Nothing is due yet: what is read now does not disturb what comes.
	if err := b.forAsLong(ctx, f, time.Until(start)-planAhead); err != nil {
		return err
	}
	before, err := b.slots(ctx, f)
	if err != nil {
		return err
	}
	if err := b.forAsLong(ctx, f, time.Until(start)); err != nil {
		return err
	}
	used, err := b.usage(ctx, f.children)
	if err != nil {
		return err
	}
	if err := b.forAsLong(ctx, f, b.cfg.Duration); err != nil {
		return err
	}
	// Reading the tables takes seconds, which are not part of what is measured.
	end, err := b.usage(ctx, f.children)
	if err != nil {
		return err
	}
	after, err := b.slots(ctx, f)
	if err != nil {
		return err
	}
	f.stop()
	stopEnding()
	if err := null.wait(); err != nil {
		return err
	}
	return b.notePlanned(ctx, t, start, before, after, used, end)
}

// notePlanned says what became of the slots from start on. They were counted a little
// later than the use of the processors was read.
func (b *bench) notePlanned(ctx context.Context, t *tally, start time.Time, before, after slotsSeen, used, end usage) error {
	p99, most, soon, err := b.publishedLate(ctx, after.at)
	if err != nil {
		return err
	}
	seconds, counted := end.at.Sub(used.at).Seconds(), after.at.Sub(start).Seconds()
	planned, due := after.planned-before.planned, after.passed-before.passed
	t.add(jobsSample, "jobs/s", planned/counted)
	t.add("slots_due_per_second", "slots/s", due/counted)
	t.ratio("jobs_planned_of_slots_due", planned, due)
	t.ratio("slots_planned_within_1s", after.soon-before.soon, after.seen-before.seen)
	t.add("published_within_1s", "", soon)
	t.add("published_after_due_p99", "s", p99)
	t.add("published_after_due_at_most", "s", most)
	written, err := b.logged(ctx, used.log, end.log)
	if err != nil {
		return err
	}
	t.used(int(planned*seconds/counted), float64(runtime.NumCPU()), written, seconds, between(used, end))
	return nil
}

// publishedLate gives how long after its slot a job was stored by the broker: the 99th
// percentile, the longest, and the share of jobs that were stored within a second. The
// slot is told from the place of its schedule, so lateness of a whole cadence and more
// looks shorter than it is; slots that were planned so late show by their own figure.
// Jobs that were made while the bench itself read the tables at the end do not count.
func (b *bench) publishedLate(ctx context.Context, until time.Time) (p99, most, soon float64, err error) {
	const late = `
SELECT coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY late), 0), coalesce(max(late), 0),
       coalesce(avg((late <= 1)::integer)::double precision, 0)
FROM (SELECT (s.step - mod(extract(epoch FROM s.next_at - j.started_at), s.step))::double precision AS late
      FROM alphapulse.sync_jobs j
      JOIN (SELECT subject_id, data_type, next_at, extract(epoch FROM every) AS step FROM alphapulse.schedules) s
        ON s.subject_id = j.subject_id AND s.data_type = j.data_type
      WHERE j.started_at IS NOT NULL AND j.queued_at < $1) l`
	if err = b.db.QueryRow(ctx, late, until).Scan(&p99, &most, &soon); err != nil {
		err = fmt.Errorf("reading how soon jobs were published: %w", err)
	}
	return p99, most, soon, err
}
