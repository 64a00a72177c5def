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
	// The goals, in milliseconds: from the job's row to its claim, and from there to its
	// outcome beyond what the exchange took.
	startGoal, workGoal = 20, 50
)

// paced measures how soon a job starts and ends while schedules make jobs at half of the
// rate that the machine can carry, and how soon one starts that is asked for by hand
// meanwhile.
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
		case "start_p99", "asked_start_p99":
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
	p := b.pacing(rate)
	start, err := b.schedule(ctx, p)
	if err != nil {
		return err
	}
	if err := b.forAsLong(ctx, f, time.Until(start)); err != nil {
		return err
	}
	before, err := b.usage(ctx, f.children)
	if err != nil {
		return err
	}
	made, err := b.pace(ctx, f, p, b.cfg.Duration/time.Duration(b.cfg.Rounds))
	if err != nil {
		return err
	}
	if err := b.awaitDrained(ctx, f, made, consumerOf(syncjob.Balances, syncjob.Live)); err != nil {
		return err
	}
	took := time.Since(start).Seconds()
	after, err := b.usage(ctx, f.children)
	if err != nil {
		return err
	}
	if err := b.notePaced(ctx, t, p, made, took); err != nil {
		return err
	}
	written, err := b.logged(ctx, before.log, after.log)
	if err != nil {
		return err
	}
	t.add(plainSample, "jobs/s", plain)
	t.ratio(ratioSample, float64(made)/took, plain)
	t.used(made, float64(runtime.NumCPU()), written, took, between(before, after))
	return b.execAll(ctx, `DELETE FROM alphapulse.schedules`)
}

// notePaced says how soon the jobs started and ended.
func (b *bench) notePaced(ctx context.Context, t *tally, p pacing, made int, took float64) error {
	o, err := b.outcome(ctx, made)
	if err != nil {
		return err
	}
	late, _, _, err := b.publishedLate(ctx, time.Now())
	if err != nil {
		return err
	}
	asked, err := b.askedStart(ctx)
	if err != nil {
		return err
	}
	exchange := requestsPerJob * float64(b.cfg.Latency) / float64(time.Millisecond)
	t.add(jobsSample, "jobs/s", float64(made)/took)
	t.add("slots_due_per_second", "slots/s", p.rate())
	t.add("start_p50", "ms", 1000*o.waitP50)
	t.add("start_p99", "ms", 1000*o.waitP99)
	t.add("start_after_due_p99", "ms", 1000*late)
	if len(p.asked) > 0 {
		t.add("asked_start_p50", "ms", 1000*asked.p50)
		t.add("asked_start_p99", "ms", 1000*asked.p99)
	}
	t.add("committed_above_exchange_p50", "ms", 1000*o.workP50-exchange)
	t.add("committed_above_exchange_p99", "ms", 1000*o.workP99-exchange)
	return nil
}
