package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// nullBatch jobs end in one statement; nullWait is how long a batch is waited for.
	nullBatch = 500
	nullWait  = 200 * time.Millisecond
	// ackers settle messages side by side: each waits for the broker.
	ackers = 16
)

// nullWorker takes jobs, reads nothing, and ends them in bulk with their runs, so
// that nothing but the scheduler is measured.
type nullWorker struct {
	m     *machine
	all   sync.WaitGroup
	mu    sync.Mutex
	fault error
}

// startNull takes jobs of every planned type until ctx ends.
func (m *machine) startNull(ctx context.Context) (*nullWorker, error) {
	n := &nullWorker{m: m}
	for _, t := range plannedTypes() {
		sub, err := m.queue.Subscribe(consumerOf(t, syncjob.Live))
		if err != nil {
			return nil, err
		}
		n.all.Go(func() { n.note(n.serve(ctx, sub)) })
	}
	return n, nil
}

func (n *nullWorker) note(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault = errors.Join(n.fault, err)
}

// wait returns when it has ended, with what went wrong.
func (n *nullWorker) wait() error {
	n.all.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fault
}

func (n *nullWorker) serve(ctx context.Context, sub *queue.Subscription) error {
	for ctx.Err() == nil {
		var taken []queue.Delivery
		sub.Fetch(ctx, nullBatch, nullWait, func(d queue.Delivery) { taken = append(taken, d) })
		if len(taken) == 0 {
			continue
		}
		// What was taken is ended although no more is taken.
		if err := n.end(context.WithoutCancel(ctx), taken); err != nil {
			return err
		}
	}
	return nil
}

// end ends jobs, then the runs that have no other open job, then acks. Rows are found,
// and so locked, in the order of their ids. A job's start is when the broker stored its
// message, so that the table tells how late it was published.
func (n *nullWorker) end(ctx context.Context, taken []queue.Delivery) error {
	const jobs = `
UPDATE alphapulse.sync_jobs j
SET status = 'succeeded', attempt = attempt + 1, claim = gen_random_uuid(), owner = 'null', claimed_at = clock_timestamp(),
    started_at = u.stored, finished_at = clock_timestamp()
FROM unnest($1::uuid[], $2::timestamptz[]) AS u (id, stored)
WHERE j.id BETWEEN u.id AND u.id AND j.status || '' = 'queued'`
	const runs = `
UPDATE alphapulse.sync_runs r
SET status = 'succeeded', jobs_succeeded = jobs_total, finished_at = clock_timestamp(), announced_at = clock_timestamp()
WHERE r.id = ANY ($1::uuid[]) AND r.status || '' = 'running'
  AND (SELECT true FROM alphapulse.sync_jobs j WHERE j.run_id = r.id AND j.finished_at IS NULL LIMIT 1) IS NULL`
	slices.SortFunc(taken, func(x, y queue.Delivery) int { return cmp.Compare(x.Job.JobID, y.Job.JobID) })
	jobIDs, runIDs, stored := make([]string, len(taken)), make([]string, len(taken)), make([]time.Time, len(taken))
	for i, d := range taken {
		jobIDs[i], runIDs[i], stored[i] = d.Job.JobID, d.Job.RunID, d.StoredAt
	}
	if _, err := n.m.lookups.Exec(ctx, jobs, jobIDs, stored); err != nil {
		return fmt.Errorf("ending jobs: %w", err)
	}
	if _, err := n.m.lookups.Exec(ctx, runs, runIDs); err != nil {
		return fmt.Errorf("ending runs: %w", err)
	}
	return parallel(ackers, len(taken), func(i int) error { return taken[i].Ack(ctx) })
}

// slotsSeen is what a scheduler has done with slots, and how many have come due.
type slotsSeen struct {
	at      time.Time // of the database's clock, before anything was read
	passed  float64   // slots of all schedules, since they began
	planned float64   // jobs made of them
	seen    float64   // slots whose lateness is known
	soon    float64   // of those, how many were planned or skipped within a second
}

// slots reads it. The place of every schedule tells exactly how many slots have
// passed, in the same snapshot as the jobs that were made of them.
func (m *machine) slots(ctx context.Context, f *fleet) (slotsSeen, error) {
	const query = `
SELECT coalesce(sum(extract(epoch FROM next_at) / extract(epoch FROM every)), 0)::double precision,
       (SELECT count(*) FROM alphapulse.sync_jobs)::double precision, now()
FROM alphapulse.schedules`
	var s slotsSeen
	if err := m.db.QueryRow(ctx, query).Scan(&s.passed, &s.planned, &s.at); err != nil {
		return s, fmt.Errorf("counting slots: %w", err)
	}
	values, err := scrape(ctx, f.scheduler.health)
	if err != nil {
		return s, fmt.Errorf("reading the scheduler's metrics: %w", err)
	}
	s.seen = values["alphapulse_slot_lateness_seconds_count"]
	s.soon = values["alphapulse_slot_lateness_seconds_bucket le=1"]
	return s, nil
}

// forAsLong lets the processes work.
func (m *machine) forAsLong(ctx context.Context, f *fleet, lasts time.Duration) error {
	began := time.Now()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	over := time.NewTimer(lasts)
	defer over.Stop()
	for {
		m.cfg.Progress("planning", int(time.Since(began).Seconds()), int(lasts.Seconds()))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over.C:
			return f.ended()
		case <-ticker.C:
			if err := f.ended(); err != nil {
				return err
			}
		}
	}
}
