// Package outage measures what an hour's outage of the backfill lane leaves: a
// hundred thousand jobs of a thousand accounts, drained while the live lane goes
// on. The measure is how soon live jobs start meanwhile.
package outage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Config is one measurement.
type Config struct {
	Dir, Binary string
	Accounts    int // default 1000
	Jobs        int // at least so many in lane backfill; default 100,000
	Out         io.Writer
}

// Report is what was measured.
type Report struct {
	Accounts      int     `json:"accounts"`
	BackfillJobs  int     `json:"backfill_jobs"`
	DrainSeconds  float64 `json:"drain_seconds"`
	JobsPerSecond float64 `json:"jobs_per_second"` // of lane backfill
	LiveJobs      int     `json:"live_jobs"`       // that were queued meanwhile
	StartP50      float64 `json:"live_start_p50_seconds"`
	StartP99      float64 `json:"live_start_p99_seconds"`
	StartMax      float64 `json:"live_start_max_seconds"`
	// The return of the whole fleet after an hour, within the exchange's limits.
	ReturnSeconds float64  `json:"return_seconds"` // until every account was read again
	Requests      int      `json:"requests"`
	RateLimited   int      `json:"answered_10006"`
	Banned        int      `json:"answered_403"`
	Broken        []string `json:"broken"` // invariants that did not hold
}

const (
	week = 7 * 24 * time.Hour
	// cadence of the live lane: 1,000 accounts make some 100 live jobs a second.
	cadence = 30 * time.Second
)

// Run makes the world, lets the backlog grow and drains it.
func Run(ctx context.Context, cfg Config) (report Report, err error) {
	w, err := world.New(ctx, world.Config{
		Dir: cfg.Dir, Binary: cfg.Binary, Seed: 1, Accounts: cfg.Accounts, Cadence: cadence, Latency: time.Millisecond,
		Past: 24 * time.Hour, Idle: true, WorkerArgs: []string{"--lanes", "live", "--slots", "64", "--write-conns", "8"},
	})
	defer func() { err = errors.Join(err, w.Close()) }()
	if err != nil {
		return report, err
	}
	fmt.Fprintf(cfg.Out, "%d accounts are live; nobody serves lane backfill\n", len(w.Accounts))
	queued, err := fill(ctx, w, cfg.Jobs)
	if err != nil {
		return report, err
	}
	fmt.Fprintf(cfg.Out, "%d jobs wait in lane backfill\n", queued)
	if err := settle(ctx, w, cfg.Out); err != nil {
		return report, err
	}
	began := time.Now()
	for range 2 {
		_, err := w.StartMember(world.Worker, nil, "--lanes", "backfill", "--requests-per-second", "100000", "--slots", "4")
		if err != nil {
			return report, err
		}
	}
	if err := drain(ctx, w, cfg.Out, queued); err != nil {
		return report, err
	}
	report = Report{Accounts: len(w.Accounts), BackfillJobs: queued, DrainSeconds: time.Since(began).Seconds()}
	report.JobsPerSecond = float64(queued) / report.DrainSeconds
	if err := measure(ctx, w, began, &report); err != nil {
		return report, err
	}
	if err := comeBack(ctx, w, cfg.Out, &report); err != nil {
		return report, err
	}
	report.Broken, err = w.Effects.Violations(ctx)
	return report, err
}

// fill asks for backfills of so many weeks that the jobs are as many as wanted.
func fill(ctx context.Context, w *world.World, jobs int) (int, error) {
	histories := syncjob.Histories()
	weeks := (jobs + len(w.Accounts)*len(histories) - 1) / (len(w.Accounts) * len(histories))
	since := time.Now().Add(-time.Duration(weeks) * week)
	errs := make([]error, 4)
	var asking sync.WaitGroup
	for part := range errs {
		asking.Go(func() {
			for i := part; i < len(w.Accounts); i += len(errs) {
				_, err := w.Ledger.StartBackfill(ctx, ledger.BackfillRequest{AccountID: w.Accounts[i].ID, Types: histories, Since: since})
				errs[part] = errors.Join(errs[part], err)
			}
		})
	}
	asking.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, fmt.Errorf("queueing the backlog: %w", err)
	}
	return openBackfill(ctx, w)
}

// settleMost is how long the live lane has to work off what the making of the world
// has left; one that does not is as late as it is.
const settleMost = 2 * time.Minute

// settle waits until no live job waits any more that came before the measurement.
func settle(ctx context.Context, w *world.World, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, settleMost)
	defer cancel()
	err := world.Poll(ctx, "the live lane", func() (bool, error) {
		late, err := w.Count(ctx, `
SELECT count(*) FROM alphapulse.sync_jobs
WHERE lane = 'live' AND status = 'queued' AND queued_at < clock_timestamp() - interval '1 second'`)
		return late == 0, err
	})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		fmt.Fprintln(out, "the live lane is behind before anybody serves lane backfill")
		return nil
	}
	return err
}

func openBackfill(ctx context.Context, w *world.World) (int, error) {
	return w.Count(ctx, `SELECT count(*) FROM alphapulse.sync_jobs WHERE lane = 'backfill' AND finished_at IS NULL`)
}

// tellEvery is how often drain says how far it is.
const tellEvery = 10 * time.Second

func drain(ctx context.Context, w *world.World, out io.Writer, queued int) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	began := time.Now()
	for {
		left, err := openBackfill(ctx, w)
		if err != nil {
			return err
		}
		if left == 0 {
			return nil
		}
		fmt.Fprintf(out, "%6d left after %s, %.0f jobs/s\n", left, time.Since(began).Round(time.Second),
			float64(queued-left)/time.Since(began).Seconds())
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// measure reads how long live jobs waited from being queued to being claimed.
func measure(ctx context.Context, w *world.World, since time.Time, r *Report) error {
	err := w.DB.QueryRow(ctx, `
SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY waited), percentile_cont(0.99) WITHIN GROUP (ORDER BY waited), max(waited)
FROM (SELECT extract(epoch FROM started_at - queued_at)::float8 AS waited FROM alphapulse.sync_jobs
      WHERE lane = 'live' AND queued_at > $1 AND started_at IS NOT NULL) x`, since).
		Scan(&r.LiveJobs, &r.StartP50, &r.StartP99, &r.StartMax)
	if err != nil {
		return fmt.Errorf("reading how soon live jobs started: %w", err)
	}
	return nil
}
