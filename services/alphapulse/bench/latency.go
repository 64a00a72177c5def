package bench

import (
	"context"
	"time"
)

const (
	// boundLatency is what the exchange takes in LatencyBound, if it was not given.
	boundLatency = 100 * time.Millisecond
	// boundShare of what slots and latency allow is the goal; or, below that, this
	// share of the processors in use.
	boundShare = 0.9
	busyShare  = 0.9
	// Memory of a worker, at work and idle.
	workerMemory, idleMemory = 100_000_000, 40_000_000
)

// latencyBound measures one worker with many slots, and an exchange that takes its
// time: how far the wait for it hides behind other jobs. The plain loop has as many
// jobs at once.
func (b *bench) latencyBound(ctx context.Context) (Result, error) {
	latency := b.cfg.Latency
	if latency == 0 {
		latency = boundLatency
	}
	if err := b.serve(ctx, world{rows: b.cfg.Rows, changing: b.cfg.Changing, latency: latency}); err != nil {
		return Result{}, err
	}
	slots := b.cfg.BoundSlots
	pass := b.balances(b.cfg.Jobs, 1, slots)
	if _, err := b.burn(ctx, pass); err != nil {
		return Result{}, err
	}
	loop, err := b.openLoop(ctx, b.cfg.Jobs, slots, writeConns(1, slots))
	if err != nil {
		return Result{}, err
	}
	defer loop.close()
	t := newTally()
	for range b.cfg.Rounds {
		if err := b.boundRound(ctx, t, loop, pass); err != nil {
			return Result{}, err
		}
	}
	return b.boundResult(t, float64(slots)/latency.Seconds()), nil
}

func (b *bench) boundRound(ctx context.Context, t *tally, loop *loop, pass burning) error {
	if err := b.settle(ctx); err != nil {
		return err
	}
	plain, err := loop.alone(ctx)
	if err != nil {
		return err
	}
	burnt, err := b.burn(ctx, pass)
	if err != nil {
		return err
	}
	t.note(burnt)
	t.add("idle_worker_memory_bytes", "B", burnt.idle)
	t.add(plainSample, "jobs/s", plain)
	t.ratio(ratioSample, burnt.rate(), plain)
	return nil
}

// boundResult judges: limit is the requests per second that slots and latency allow.
func (b *bench) boundResult(t *tally, limit float64) Result {
	for _, rate := range t.samples["requests_per_second"] {
		t.ratio("ratio_to_slots_by_latency", rate, limit)
	}
	t.add("slots_by_latency_requests_per_second", "requests/s", limit)
	busy := t.samples["processors_in_use"].median() >= busyShare
	return t.result(func(name, process string, value float64) *Goal {
		switch {
		case name == "ratio_to_slots_by_latency":
			goal := atLeast(boundShare, value)
			goal.Met = goal.Met || busy
			return goal
		case name == "idle_worker_memory_bytes":
			return atMost(idleMemory, value)
		case name == "peak_memory_bytes" && process == "worker":
			return atMost(workerMemory, value)
		default:
			return nil
		}
	})
}
