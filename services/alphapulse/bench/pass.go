package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// burning says what burns down in one pass.
type burning struct {
	parts parts
	// fill puts the jobs in line while their queues are held back.
	fill func(ctx context.Context) error
	// prepare brings the database to where each pass begins.
	prepare   func(ctx context.Context) error
	consumers []queue.Consumer
	// jobs there will be; 0: as many as fill makes.
	jobs int
}

// burnt is what a pass came to.
type burnt struct {
	outcome
	took      float64 // seconds
	published float64 // seconds that putting the jobs in line took
	written   logged
	used      map[string]spent
	// idle is the memory of a worker that waits for jobs.
	idle float64
	// rows are those of balances and their history that the pass has written.
	rows int64
}

func (b burnt) rate() float64 { return float64(b.jobs) / b.took }

// balances is a pass over so many accounts, one job each.
func (m *machine) balances(jobs, workers, slots int) burning {
	return burning{
		jobs: jobs, prepare: m.settle, consumers: []queue.Consumer{consumerOf(syncjob.Balances, syncjob.Live)},
		parts: parts{workers: workers, slots: slots, types: []syncjob.DataType{syncjob.Balances}, aggregator: true},
		fill: func(ctx context.Context) error {
			return m.queueJobs(ctx, m.ids(jobs), syncjob.Balances, syncjob.Schedule)
		},
	}
}

// burn runs one pass with processes of its own.
func (m *machine) burn(ctx context.Context, p burning) (burnt, error) {
	if err := p.prepare(ctx); err != nil {
		return burnt{}, err
	}
	f, err := m.startFleet(ctx, p.parts)
	defer f.stop()
	if err != nil {
		return burnt{}, err
	}
	return m.pass(ctx, f, p, func(context.Context) error {
		f.stop()
		return nil
	})
}

// burnAgain runs one pass with processes that go on.
func (m *machine) burnAgain(ctx context.Context, f *fleet, p burning) (burnt, error) {
	if err := p.prepare(ctx); err != nil {
		return burnt{}, err
	}
	return m.pass(ctx, f, p, awaitCounted)
}

// countedAfter is when a session of Postgres, once idle, has told at the latest what
// it has done: ten seconds, by its source.
const countedAfter = 11 * time.Second

// awaitCounted waits until idle sessions have told what they have done, which
// nothing else shows.
func awaitCounted(ctx context.Context) error {
	timer := time.NewTimer(countedAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pass puts everything in line; then the clock starts, and it stops when every run is
// over and nothing is left to ack. counted returns when Postgres knows what its
// sessions have done.
func (m *machine) pass(ctx context.Context, f *fleet, p burning, counted func(context.Context) error) (burnt, error) {
	var b burnt
	if err := m.line(ctx, f, p, &b); err != nil {
		return b, err
	}
	if err := m.clocked(ctx, f, p, &b, counted); err != nil {
		return b, err
	}
	return b, nil
}

// line puts the jobs in line.
func (m *machine) line(ctx context.Context, f *fleet, p burning, b *burnt) error {
	for _, c := range p.consumers {
		if err := m.hold(ctx, c); err != nil {
			return err
		}
	}
	if err := m.awaitPulling(ctx, f, p.consumers...); err != nil {
		return err
	}
	for _, w := range f.workers {
		s, err := w.spent(ctx)
		if err != nil {
			return fmt.Errorf("reading what %s has used: %w", w.name, err)
		}
		b.idle = max(b.idle, s.resident)
	}
	began := time.Now()
	if err := p.fill(ctx); err != nil {
		return err
	}
	err := m.awaitPublished(ctx, f)
	b.published = time.Since(began).Seconds()
	return err
}

// clocked lets the jobs go and measures until nothing is left of them.
func (m *machine) clocked(ctx context.Context, f *fleet, p burning, b *burnt, counted func(context.Context) error) error {
	total, err := m.left(ctx, p.consumers)
	if err != nil {
		return err
	}
	first, err := m.transaction(ctx)
	if err != nil {
		return err
	}
	before, err := m.usage(ctx, f.children)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, c := range p.consumers {
		if err := m.letGo(ctx, c); err != nil {
			return err
		}
	}
	if err := m.awaitDrained(ctx, f, total, p.consumers...); err != nil {
		return err
	}
	b.took = time.Since(began).Seconds()
	after, err := m.usage(ctx, f.children)
	if err != nil {
		return err
	}
	b.used = between(before, after)
	if b.outcome, err = m.outcome(ctx, p.jobs); err != nil {
		return err
	}
	if err := counted(ctx); err != nil {
		return err
	}
	end, err := m.mark(ctx)
	if err != nil {
		return err
	}
	after.log.syncs, after.log.images = end.syncs, end.images
	if b.written, err = m.logged(ctx, before.log, after.log); err != nil {
		return err
	}
	b.rows, err = m.rewritten(ctx, first)
	return err
}

// transaction is the number of the next transaction.
func (m *machine) transaction(ctx context.Context) (xid int64, err error) {
	const query = `SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint & 4294967295`
	if err = m.db.QueryRow(ctx, query).Scan(&xid); err != nil {
		err = fmt.Errorf("asking for the number of the next transaction: %w", err)
	}
	return xid, err
}

// rewritten counts the rows of balances and their history that were written since a
// transaction: each has left, or will leave, a dead one.
func (m *machine) rewritten(ctx context.Context, since int64) (n int64, err error) {
	const query = `
SELECT (SELECT count(*) FROM alphapulse.balances WHERE xmin::text::bigint >= $1)
     + (SELECT count(*) FROM alphapulse.balances_history WHERE xmin::text::bigint >= $1)`
	if err = m.db.QueryRow(ctx, query, since).Scan(&n); err != nil {
		err = fmt.Errorf("counting the rows that were written: %w", err)
	}
	return n, err
}

// note adds a pass to the tally.
func (t *tally) note(b burnt) {
	t.add(jobsSample, "jobs/s", b.rate())
	t.add("jobs_per_second_with_publishing", "jobs/s", float64(b.jobs)/(b.took+b.published))
	t.add("rows_per_second", "rows/s", float64(b.fetched)/b.took)
	t.add("requests_per_second", "requests/s", float64(b.requests)/b.took)
	t.used(b.jobs, float64(runtime.NumCPU()), b.written, b.took, b.used)
}
