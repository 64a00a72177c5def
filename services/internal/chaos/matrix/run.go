package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/audit"
	"github.com/alphapulse/alphapulse/services/internal/chaos/faults"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

// makeWithin is how long a world may take until its accounts are active.
const makeWithin = 2 * time.Minute

// Run goes through the topologies. The report is whole also with an error, which
// is that of the harness: what the fleet did wrong is in the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg.Lenient = max(cfg.Lenient, 1)
	report := newReport(cfg)
	plan := legs(cfg.Seed, cfg.Duration, cfg.Faults)
	for _, l := range plan {
		fmt.Fprintf(cfg.Out, "seed %d, topology %s, %s:\n", cfg.Seed, l.topology, l.lasts.Round(time.Second))
		for i, f := range l.round {
			fmt.Fprintf(cfg.Out, "  %2d. %s\n", i+1, f.Name)
		}
	}
	for _, l := range plan {
		if err := runLeg(ctx, cfg, l, report); err != nil {
			return report, fmt.Errorf("topology %s: %w", l.topology, err)
		}
	}
	return report, nil
}

// walk is a leg under way.
type walk struct {
	cfg     Config
	leg     *leg
	world   *world.World
	auditor *audit.Auditor
	report  *Report
	beside  sync.WaitGroup
}

func runLeg(ctx context.Context, cfg Config, l *leg, report *Report) (err error) {
	dir := filepath.Join(cfg.Dir, string(l.topology))
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the database runs as another user
		return err
	}
	making, cancel := context.WithTimeout(ctx, makeWithin)
	defer cancel()
	began := time.Now()
	w, err := world.New(making, world.Config{
		Topology: l.topology, Dir: dir, Binary: cfg.Binary, Seed: cfg.Seed, Accounts: cfg.Accounts,
	})
	defer func() { err = errors.Join(err, w.Close()) }()
	if err != nil {
		return err
	}
	fmt.Fprintf(cfg.Out, "\n%s: made in %s; logs in %s\n", l.topology, time.Since(began).Round(100*time.Millisecond), w.Logs())
	auditor, err := audit.New(ctx, w)
	if err != nil {
		return err
	}
	defer auditor.Close()
	return (&walk{cfg: cfg, leg: l, world: w, auditor: auditor, report: report}).run(ctx)
}

// run injects until the leg's time is over, and audits all along.
func (k *walk) run(ctx context.Context) error {
	auditing, stopAuditing := context.WithCancel(ctx)
	var audits sync.WaitGroup
	audits.Go(func() { k.auditor.Run(auditing) })
	err := k.inject(ctx)
	k.beside.Wait()
	stopAuditing()
	audits.Wait()
	if err != nil {
		return err
	}
	began := time.Now()
	err = k.auditor.Final(ctx)
	fmt.Fprintf(k.cfg.Out, "%s: the final audit took %s\n", k.leg.topology, time.Since(began).Round(100*time.Millisecond))
	k.report.addInvariants(k.leg.topology, k.auditor.Results())
	return err
}

func (k *walk) inject(ctx context.Context) error {
	until := time.Now().Add(k.leg.lasts)
	for k.goesOn(until) {
		select {
		case err := <-k.world.Failed():
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		default:
		}
		f := k.leg.fault(k.cfg.Faults)
		if f == nil {
			return nil
		}
		if f = k.possible(f); f == nil {
			continue
		}
		if f.Beside {
			k.beside.Go(func() { k.one(ctx, f) })
			continue
		}
		k.auditor.About(f.Name)
		k.one(ctx, f)
		k.auditor.About("")
	}
	return nil
}

// goesOn reports whether there is time for another fault. A leg meets at least one,
// and is not over with its time before its round is complete, unless that takes as
// long again.
func (k *walk) goesOn(until time.Time) bool {
	now := time.Now()
	complete := k.leg.next == len(k.leg.round)
	return now.Before(until) || k.leg.next == 0 || (!complete && now.Before(until.Add(k.leg.lasts)))
}

// possible is the fault, or the nearest one if this machine cannot do it.
func (k *walk) possible(f *faults.Fault) *faults.Fault {
	if f.Available == nil {
		return f
	}
	why := f.Available()
	if why == nil {
		return f
	}
	k.report.notRun(f, why)
	fmt.Fprintf(k.cfg.Out, "  not run: %s: %v\n", f.Name, why)
	for _, other := range faults.All() {
		if other.Name == f.Instead {
			fmt.Fprintf(k.cfg.Out, "  instead: %s\n", other.Name)
			return other
		}
	}
	return nil
}
