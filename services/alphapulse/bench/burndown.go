package bench

import "context"

// Names of the limits that are loops.
const (
	groupedSample = "grouped_loop_jobs_per_second"
	decodeSample  = "read_and_decode_jobs_per_second"
)

// burnDown measures queued jobs whose rows change.
func (b *bench) burnDown(ctx context.Context) (Result, error) {
	t, err := b.againstLoops(ctx, b.cfg.Changing)
	if err != nil {
		return Result{}, err
	}
	result := t.result(func(name, _ string, value float64) *Goal {
		if name == ratioSample {
			return atLeast(1, value)
		}
		return nil
	})
	b.rate = result.JobsPerSecond
	return result, nil
}

// The goals of Unchanged.
const (
	unchangedRatio = 1.3
	unchangedLog   = 1500 // bytes per job, full-page images apart
)

// unchanged measures the same where nothing has changed.
func (b *bench) unchanged(ctx context.Context) (Result, error) {
	t, err := b.againstLoops(ctx, 0)
	if err != nil {
		return Result{}, err
	}
	return t.result(func(name, _ string, value float64) *Goal {
		switch name {
		case ratioSample:
			return atLeast(unchangedRatio, value)
		case "wal_bytes_per_job":
			return atMost(unchangedLog, value)
		case "data_rows_written_per_job":
			return atMost(0, value)
		default:
			return nil
		}
	}), nil
}

// againstLoops runs each loop and a pass in turns. The pass before them is not
// measured: it finds empty tables, and after it the workers have opened the accounts'
// keys, as the loops have.
func (b *bench) againstLoops(ctx context.Context, changing float64) (*tally, error) {
	if err := b.serve(ctx, world{rows: b.cfg.Rows, changing: changing, latency: b.cfg.Latency}); err != nil {
		return nil, err
	}
	pass := b.balances(b.cfg.Jobs, b.cfg.Workers, b.cfg.Slots)
	if err := pass.prepare(ctx); err != nil {
		return nil, err
	}
	f, err := b.startFleet(ctx, pass.parts)
	defer f.stop()
	if err != nil {
		return nil, err
	}
	if _, err := b.burnAgain(ctx, f, pass); err != nil {
		return nil, err
	}
	slots, conns := b.cfg.Workers*b.cfg.Slots, b.cfg.Workers*writeConns(b.cfg.Workers, b.cfg.Slots)
	loop, err := b.openLoop(ctx, b.cfg.Jobs, slots, conns)
	if err != nil {
		return nil, err
	}
	defer loop.close()
	t := newTally()
	for range b.cfg.Rounds {
		if err := b.round(ctx, t, loop, f, pass); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// round is one turn of everything.
func (b *bench) round(ctx context.Context, t *tally, loop *loop, f *fleet, pass burning) error {
	limits := map[string]float64{}
	for _, limit := range []struct {
		name string
		run  func(context.Context) (float64, error)
	}{
		{plainSample, loop.alone}, {groupedSample, loop.grouped}, {decodeSample, loop.decoding},
	} {
		if err := b.settle(ctx); err != nil {
			return err
		}
		rate, err := limit.run(ctx)
		if err != nil {
			return err
		}
		limits[limit.name] = rate
	}
	burnt, err := b.burnAgain(ctx, f, pass)
	if err != nil {
		return err
	}
	t.note(burnt)
	t.add("data_rows_written_per_job", "rows", float64(burnt.rows)/float64(burnt.jobs))
	for _, name := range []string{plainSample, groupedSample, decodeSample} {
		t.add(name, "jobs/s", limits[name])
	}
	t.ratio(ratioSample, burnt.rate(), limits[plainSample])
	t.ratio("ratio_to_grouped_loop", burnt.rate(), limits[groupedSample])
	t.ratio("ratio_to_read_and_decode", burnt.rate(), limits[decodeSample])
	return nil
}
