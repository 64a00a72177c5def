package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// loop reads and writes accounts without a queue, with the worker's own code: the
// limits that a scenario is held against. The accounts' keys are opened before it is
// measured.
type loop struct {
	m       *machine
	catalog *postgres.DB // what reading asks the tables
	jobs    []*worker.BareJob
	slots   int // jobs at once
	conns   int // for commits
}

const (
	// catalogConns are for what reading asks the tables: once a minute.
	catalogConns = 2
	// grouped is how many jobs at most commit together.
	grouped = 64
	// groupWriters commit groups side by side.
	groupWriters = 4
)

// openLoop opens the jobs of n accounts. Close it.
func (m *machine) openLoop(ctx context.Context, n, slots, conns int) (*loop, error) {
	m.cfg.Progress("opening the accounts for the loops", 0, 0)
	db, err := m.pool(ctx, "bench-loop-reads", catalogConns)
	if err != nil {
		return nil, err
	}
	l := &loop{m: m, catalog: db, jobs: make([]*worker.BareJob, n), slots: slots, conns: conns}
	bare, err := worker.NewBare(worker.Config{
		Name: "bench", Egress: "bench", Slots: slots, Types: []syncjob.DataType{syncjob.Balances},
	}, worker.Deps{Writes: db, Claims: db, Opener: m.opener, Log: m.log})
	if err != nil {
		l.close()
		return nil, err
	}
	runID := uuid.NewString()
	err = parallel(runtime.GOMAXPROCS(0), n, func(i int) (err error) {
		l.jobs[i], err = bare.Open(ctx, m.claimed(m.accounts[i], syncjob.Balances, runID))
		return err
	})
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *loop) close() { l.catalog.Close() }

// alone commits each job by itself, and gives jobs per second.
func (l *loop) alone(ctx context.Context) (float64, error) {
	return l.writing(ctx, "the plain loop", func(ctx context.Context, db *postgres.DB) error {
		return l.each(ctx, "the plain loop", func(ctx context.Context, rows worker.BareRows) error {
			return store(ctx, db, rows)
		})
	})
}

// grouped commits up to 64 jobs together: those that happen to be read when a writer
// comes free.
func (l *loop) grouped(ctx context.Context) (float64, error) {
	return l.writing(ctx, "the grouped loop", func(ctx context.Context, db *postgres.DB) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		read := make(chan worker.BareRows, grouped*groupWriters)
		var writers sync.WaitGroup
		for range min(groupWriters, l.conns) {
			writers.Go(func() {
				if err := storeGroups(ctx, db, read); err != nil {
					cancel(err)
				}
			})
		}
		err := l.each(ctx, "the grouped loop", func(ctx context.Context, rows worker.BareRows) error {
			select {
			case read <- rows:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		close(read)
		writers.Wait()
		if err == nil {
			err = context.Cause(ctx)
		}
		return err
	})
}

// decoding reads and understands, and writes nothing.
func (l *loop) decoding(ctx context.Context) (float64, error) {
	began := time.Now()
	err := l.each(ctx, "reading alone", func(context.Context, worker.BareRows) error { return nil })
	return float64(len(l.jobs)) / time.Since(began).Seconds(), err
}

// writing opens connections for one pass: what they have done is counted when they
// end.
func (l *loop) writing(
	ctx context.Context, what string, pass func(context.Context, *postgres.DB) error,
) (float64, error) {
	cfg := l.m.patient("bench-loop", l.conns)
	cfg.ByIndex = true // as a worker's: else each statement was planned anew, which took longer than to run it
	db, err := postgres.Open(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	began := time.Now()
	if err := pass(ctx, db); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return float64(len(l.jobs)) / time.Since(began).Seconds(), nil
}

// each reads every job, so many at once, and hands over what was read.
func (l *loop) each(ctx context.Context, what string, then func(context.Context, worker.BareRows) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(l.slots, len(l.jobs)) {
		readers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(l.jobs) {
					return
				}
				if i%1000 == 0 {
					l.m.cfg.Progress(what, i, len(l.jobs))
				}
				if err := l.one(ctx, i, then); err != nil {
					cancel(err)
				}
			}
		})
	}
	readers.Wait()
	return context.Cause(ctx)
}

func (l *loop) one(ctx context.Context, i int, then func(context.Context, worker.BareRows) error) error {
	rows, err := l.jobs[i].Read(ctx)
	if err != nil {
		return err
	}
	return then(ctx, rows)
}

// store writes the rows of jobs in one transaction and one round trip.
func store(ctx context.Context, db *postgres.DB, jobs ...worker.BareRows) error {
	batch, tally := &pgx.Batch{}, snapshot.Tally{}
	worker.QueueBare(batch, &tally, jobs...)
	if batch.Len() == 0 {
		return nil
	}
	return db.SendBatch(ctx, batch).Close()
}

func storeGroups(ctx context.Context, db *postgres.DB, read <-chan worker.BareRows) error {
	for first := range read {
		group := []worker.BareRows{first}
		for more := true; more && len(group) < grouped; {
			select {
			case rows, ok := <-read:
				if more = ok; ok {
					group = append(group, rows)
				}
			default:
				more = false
			}
		}
		if err := store(ctx, db, group...); err != nil {
			return err
		}
	}
	return nil
}
