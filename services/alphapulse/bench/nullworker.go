package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// nullBatch jobs of a type are taken at once; nullWait is how long they are waited for.
	nullBatch = 500
	nullWait  = 200 * time.Millisecond
)

// nullWorker takes jobs, reads nothing, and ends them in bulk with their runs, so
// that nothing but the scheduler is measured. It takes them as cheaply as that can be
// done: of a message it reads two ids, and nobody waits for its acks. What was taken of
// all types at the same time ends together, and so does a run with all of its jobs.
type nullWorker struct {
	m     *machine
	taken chan []nullJob
	all   sync.WaitGroup
	mu    sync.Mutex
	fault error
}

// startNull takes jobs of every planned type until ctx ends. After an error nothing runs.
func (m *machine) startNull(ctx context.Context) (*nullWorker, error) {
	var consumers []jetstream.Consumer
	for _, t := range plannedTypes() {
		consumer, err := m.made(ctx, consumerOf(t, syncjob.Live))
		if err != nil {
			return nil, err
		}
		consumers = append(consumers, consumer)
	}
	n := &nullWorker{m: m, taken: make(chan []nullJob, len(consumers))}
	var takers sync.WaitGroup
	for _, consumer := range consumers {
		takers.Go(func() { n.note(n.take(ctx, consumer)) })
	}
	n.all.Go(func() {
		takers.Wait()
		close(n.taken)
	})
	// What was taken is ended although no more is taken.
	n.all.Go(func() { n.endAll(context.WithoutCancel(ctx)) })
	return n, nil
}

// endAll ends what was taken, and what else has been taken by then. After a failure the
// rest is left: the measurement has failed.
func (n *nullWorker) endAll(ctx context.Context) {
	var failed error
	for batch := range n.taken {
		for more := len(n.taken); more > 0; more-- {
			batch = append(batch, <-n.taken...)
		}
		if failed == nil {
			failed = n.end(ctx, batch)
		}
	}
	n.note(failed)
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

// take takes jobs of one type.
func (n *nullWorker) take(ctx context.Context, consumer jetstream.Consumer) error {
	for ctx.Err() == nil {
		batch, err := consumer.Fetch(nullBatch, jetstream.FetchMaxWait(nullWait))
		if err != nil {
			return fmt.Errorf("fetching jobs: %w", err)
		}
		var taken []nullJob
		for msg := range batch.Messages() {
			job, err := readNull(msg)
			if err != nil {
				return err
			}
			taken = append(taken, job)
		}
		if len(taken) > 0 {
			n.taken <- taken
		}
	}
	return nil
}

// nullJob is what is read of a message.
type nullJob struct {
	JobID string `json:"job_id"`
	RunID string `json:"run_id"`

	stored time.Time
	msg    jetstream.Msg
}

func readNull(msg jetstream.Msg) (nullJob, error) {
	job := nullJob{msg: msg}
	meta, err := msg.Metadata()
	if err == nil {
		job.stored = meta.Timestamp
		err = json.Unmarshal(msg.Data(), &job)
	}
	if err != nil {
		return job, fmt.Errorf("reading a job: %w", err)
	}
	return job, nil
}

// end ends jobs, then the runs that have no other open job, then acks. Rows are found,
// and so locked, in the order of their ids. A job's start is when the broker stored its
// message, so that the table tells how late it was published.
func (n *nullWorker) end(ctx context.Context, taken []nullJob) error {
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
	slices.SortFunc(taken, func(x, y nullJob) int { return cmp.Compare(x.JobID, y.JobID) })
	jobIDs, runIDs, stored := make([]string, len(taken)), make([]string, len(taken)), make([]time.Time, len(taken))
	for i, job := range taken {
		jobIDs[i], runIDs[i], stored[i] = job.JobID, job.RunID, job.stored
	}
	slices.Sort(runIDs)
	runIDs = slices.Compact(runIDs)
	if _, err := n.m.lookups.Exec(ctx, jobs, jobIDs, stored); err != nil {
		return fmt.Errorf("ending jobs: %w", err)
	}
	if _, err := n.m.lookups.Exec(ctx, runs, runIDs); err != nil {
		return fmt.Errorf("ending runs: %w", err)
	}
	for _, job := range taken {
		if err := job.msg.Ack(); err != nil {
			return fmt.Errorf("acking a job: %w", err)
		}
	}
	return nil
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
// passed, in the same snapshot as the jobs that were made of them. Slots that should
// have passed more than a second ago count as well.
func (m *machine) slots(ctx context.Context, f *fleet) (slotsSeen, error) {
	const query = `
SELECT coalesce(sum(extract(epoch FROM next_at) / extract(epoch FROM every)
                    + CASE WHEN late >= interval '0' THEN floor(extract(epoch FROM late) / extract(epoch FROM every)) + 1 ELSE 0 END),
                0)::double precision,
       (SELECT count(*) FROM alphapulse.sync_jobs)::double precision, now()
FROM (SELECT *, now() - interval '1 second' - next_at AS late FROM alphapulse.schedules) s`
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
