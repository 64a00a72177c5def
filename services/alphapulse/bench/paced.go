package bench

import (
	"context"
	"runtime"
	"time"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// pacedShare of the rate of BurnDown is the pace.
	pacedShare = 0.5
	// pacedEvery is how often the jobs that are due are asked for.
	pacedEvery = 10 * time.Millisecond
	// The goals, in milliseconds: from asked for to claimed, and from claimed to its
	// outcome beyond what the exchange took.
	startGoal, workGoal = 20, 50
)

// paced measures how soon a job that is asked for starts and ends, at half of the
// rate that the machine can carry.
func (b *bench) paced(ctx context.Context) (Result, error) {
	if err := b.serve(ctx, world{rows: b.cfg.Rows, changing: b.cfg.Changing, latency: b.cfg.Latency}); err != nil {
		return Result{}, err
	}
	rate, err := b.full(ctx)
	if err != nil {
		return Result{}, err
	}
	slots, conns := b.cfg.Workers*b.cfg.Slots, b.cfg.Workers*writeConns(b.cfg.Workers, b.cfg.Slots)
	loop, err := b.openLoop(ctx, b.cfg.Jobs, slots, conns)
	if err != nil {
		return Result{}, err
	}
	defer loop.close()
	t := newTally()
	for range b.cfg.Rounds {
		if err := b.pacedRound(ctx, t, loop, rate*pacedShare); err != nil {
			return Result{}, err
		}
	}
	return t.result(func(name, _ string, value float64) *Goal {
		switch name {
		case "start_p99":
			return atMost(startGoal, value)
		case "committed_above_exchange_p99":
			return atMost(workGoal, value)
		default:
			return nil
		}
	}), nil
}

// full is the rate of BurnDown: what was measured, or one pass of it now. There is
// one pass in any case, which finds empty tables.
func (b *bench) full(ctx context.Context) (float64, error) {
	pass := b.balances(b.cfg.Jobs, b.cfg.Workers, b.cfg.Slots)
	if _, err := b.burn(ctx, pass); err != nil || b.rate > 0 {
		return b.rate, err
	}
	burnt, err := b.burn(ctx, pass)
	if err != nil {
		return 0, err
	}
	return burnt.rate(), nil
}

func (b *bench) pacedRound(ctx context.Context, t *tally, loop *loop, rate float64) error {
	if err := b.settle(ctx); err != nil {
		return err
	}
	plain, err := loop.alone(ctx)
	if err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	f, err := b.startFleet(ctx, b.balances(0, b.cfg.Workers, b.cfg.Slots).parts)
	defer f.stop()
	if err != nil {
		return err
	}
	if err := b.warm(ctx, f); err != nil {
		return err
	}
	return b.measurePace(ctx, t, f, rate, plain)
}

// warm runs a few jobs first: connections are opened, and statements prepared, once.
func (b *bench) warm(ctx context.Context, f *fleet) error {
	if err := b.awaitPulling(ctx, f, consumerOf(syncjob.Balances, syncjob.Live)); err != nil {
		return err
	}
	n := min(len(b.accounts), 4*b.cfg.Workers*b.cfg.Slots)
	if err := b.queueJobs(ctx, b.ids(n), syncjob.Balances, syncjob.Manual); err != nil {
		return err
	}
	if err := b.awaitDrained(ctx, f, n, consumerOf(syncjob.Balances, syncjob.Live)); err != nil {
		return err
	}
	return b.execAll(ctx, `TRUNCATE alphapulse.sync_runs, alphapulse.sync_jobs CASCADE`)
}

func (b *bench) measurePace(ctx context.Context, t *tally, f *fleet, rate, plain float64) error {
	before, err := b.usage(ctx, f.children)
	if err != nil {
		return err
	}
	began := time.Now()
	asked, err := b.pace(ctx, f, rate, b.cfg.Duration/time.Duration(b.cfg.Rounds))
	if err != nil {
		return err
	}
	if err := b.awaitDrained(ctx, f, asked, consumerOf(syncjob.Balances, syncjob.Live)); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	after, err := b.usage(ctx, f.children)
	if err != nil {
		return err
	}
	o, err := b.outcome(ctx, asked)
	if err != nil {
		return err
	}
	written, err := b.logged(ctx, before.log, after.log)
	if err != nil {
		return err
	}
	exchange := requestsPerJob * float64(b.cfg.Latency) / float64(time.Millisecond)
	t.add(jobsSample, "jobs/s", float64(asked)/took)
	t.add("asked_for_per_second", "jobs/s", rate)
	t.add("start_p50", "ms", 1000*o.waitP50)
	t.add("start_p99", "ms", 1000*o.waitP99)
	t.add("committed_above_exchange_p50", "ms", 1000*o.workP50-exchange)
	t.add("committed_above_exchange_p99", "ms", 1000*o.workP99-exchange)
	t.add(plainSample, "jobs/s", plain)
	t.ratio(ratioSample, float64(asked)/took, plain)
	t.used(asked, float64(runtime.NumCPU()), written, took, between(before, after))
	return nil
}

// pace asks for jobs of one account after the other as they come due, and gives how
// many. An account comes round again when all others have had their turn.
func (b *bench) pace(ctx context.Context, f *fleet, rate float64, lasts time.Duration) (int, error) {
	ticker := time.NewTicker(pacedEvery)
	defer ticker.Stop()
	began, asked := time.Now(), 0
	shown := began
	for {
		passed := min(time.Since(began), lasts)
		ids := b.turns(asked, max(1, int(rate*passed.Seconds()))-asked)
		if len(ids) > 0 {
			if err := b.queueJobs(ctx, ids, syncjob.Balances, syncjob.Manual); err != nil {
				return asked, err
			}
			asked += len(ids)
		}
		if passed == lasts {
			return asked, nil
		}
		if time.Since(shown) > time.Second {
			shown = time.Now()
			b.cfg.Progress("asking for jobs", int(passed.Seconds()), int(lasts.Seconds()))
			if err := f.ended(); err != nil {
				return asked, err
			}
		}
		select {
		case <-ctx.Done():
			return asked, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// turns are the next n accounts after so many, at most all of them once.
func (b *bench) turns(after, n int) []string {
	var ids []string
	for i := range max(0, min(n, len(b.accounts))) {
		ids = append(ids, b.accounts[(after+i)%len(b.accounts)].id)
	}
	return ids
}
