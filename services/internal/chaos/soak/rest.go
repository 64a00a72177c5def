package soak

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

const (
	// idleFor is how long processes keep connections to the exchange that nobody uses;
	// each has goroutines of its own, and how many there are tells of the work before.
	idleFor = 90 * time.Second
	// restFor is how long a fleet at rest is looked at after that: longer than a fetch
	// waits, so that each process has a moment in which nothing begins or ends.
	restFor   = 10 * time.Second
	restEvery = 250 * time.Millisecond
	// putOff is how far the schedules are moved on meanwhile.
	putOff = time.Hour
)

// atRest gives the usual number of goroutines of every process while there is nothing
// to do.
// What work in hand needs comes and goes with it; what is left is what stays, and
// what stays must not become more.
func atRest(ctx context.Context, w *world.World) (usual map[string]float64, err error) {
	w.StopLoad()
	if err := w.PutOff(ctx, putOff); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, w.PutOff(ctx, -putOff))
		w.StartLoad()
	}()
	err = world.Poll(ctx, "the fleet to have nothing to do", func() (bool, error) {
		n, err := w.Count(ctx, `SELECT count(*) FROM alphapulse.sync_runs WHERE status = 'running' OR announced_at IS NULL`)
		return n == 0, err
	})
	if err != nil {
		return nil, err
	}
	seen := map[string][]float64{}
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < idleFor+restFor; {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
		if time.Since(began) < idleFor {
			continue
		}
		if err := countGoroutines(ctx, w, seen); err != nil {
			return nil, err
		}
	}
	usual = map[string]float64{}
	for process, numbers := range seen {
		usual[process] = median(numbers)
	}
	return usual, nil
}

func countGoroutines(ctx context.Context, w *world.World, seen map[string][]float64) error {
	for _, m := range members(w) {
		figures, err := scrape(ctx, m.Health)
		if err != nil {
			return fmt.Errorf("reading the metrics of %s: %w", m.Name(), err)
		}
		seen[m.Name()] = append(seen[m.Name()], figures[goroutines]-goroutinesPerFetch*figures[openFetches])
	}
	return nil
}

// members are all processes of the fleet.
func members(w *world.World) []*world.Member {
	var all []*world.Member
	for _, role := range []world.Role{world.Scheduler, world.Worker, world.Aggregator} {
		all = append(all, w.Members(role)...)
	}
	return all
}

// compareRests sets what was left of each process against what is left now.
func compareRests(before, after map[string]float64) []Row {
	var rows []Row
	for process, n := range after {
		rows = append(rows, Row{Process: process, What: goroutines + " at rest", First: before[process], Last: n, Held: n <= before[process]})
	}
	return rows
}
