package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
)

// Run measures what is asked for. With an error the report has what was measured
// before it.
func Run(ctx context.Context, cfg Config) (Report, error) {
	cfg = cfg.complete()
	report := Report{}
	if err := cfg.Validate(); err != nil {
		return report, err
	}
	m, err := newMachine(ctx, cfg)
	if m != nil {
		defer m.close()
	}
	if err != nil && ctx.Err() != nil {
		return report, context.Cause(ctx)
	}
	if err != nil {
		return report, fmt.Errorf("setting the bench up: %w", err)
	}
	b := &bench{machine: m}
	for _, s := range Scenarios() {
		if !b.asked(s) {
			continue
		}
		result, err := b.run(ctx, s)
		if err != nil && ctx.Err() != nil {
			return report, context.Cause(ctx)
		}
		if err != nil {
			m.keep()
			return report, fmt.Errorf("%s: %w\n  logs and data are kept in %s", s, err, m.dir)
		}
		result.Settings = m.settings(cfg)
		report[s] = result
	}
	return report, nil
}

// bench is a run of scenarios on one machine.
type bench struct {
	*machine
	// rate is what BurnDown came to, in jobs per second; 0: it was not measured.
	rate float64
}

func (b *bench) asked(s Scenario) bool { return slices.Contains(b.cfg.Scenarios, s) }

func (b *bench) run(ctx context.Context, s Scenario) (Result, error) {
	switch s {
	case BurnDown:
		return b.burnDown(ctx)
	case Unchanged:
		return b.unchanged(ctx)
	case History:
		return b.history(ctx)
	case Paced:
		return b.paced(ctx)
	case LatencyBound:
		return b.latencyBound(ctx)
	case Planning:
		return b.planning(ctx)
	default:
		return Result{}, fmt.Errorf("unknown scenario %q", s)
	}
}

// keep leaves the directory for whoever wants to know what went wrong.
func (m *machine) keep() { m.kept = true }

// close ends everything, and removes the directory.
func (m *machine) close() {
	for i := len(m.undo) - 1; i >= 0; i-- {
		m.undo[i]()
	}
	if !m.kept && m.dir != "" {
		_ = os.RemoveAll(m.dir) // it lies among temporary files
	}
}
