package audit

import (
	"context"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/postgres/effects"
)

// every is how often the tables are audited while the faults go on.
const every = 3 * time.Second

// mostDetails bounds what is kept of one invariant's breaches.
const mostDetails = 20

// Invariant is what came of one invariant.
type Invariant struct {
	Name    string   `json:"name"`
	Held    bool     `json:"held"`
	Checked int      `json:"checked"` // how often, or how many rows were compared
	Details []string `json:"details,omitempty"`
}

// Auditor audits one world.
type Auditor struct {
	w      *world.World
	events *collector

	mu    sync.Mutex
	found map[string]*Invariant
	order []string
	about string // what is going on, for the details
}

// New begins to collect what the fleet announces.
func New(ctx context.Context, w *world.World) (*Auditor, error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	events, err := collect(ctx, w)
	if err != nil {
		return nil, err
	}
	return &Auditor{w: w, events: events, found: map[string]*Invariant{}}, nil
}

// Close ends the collecting.
func (a *Auditor) Close() { a.events.close() }

// Run audits the tables until ctx ends. While the database is away there is
// nothing to audit.
func (a *Auditor) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.tables(ctx)
		}
	}
}

// About says what is going on from now on.
func (a *Auditor) About(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.about = what
}

const (
	effectOnce = "effect once: each job ends once, in one transaction with its rows; time and coverage go forward"
	lawsHold   = "runs count their jobs; no second live job of a type runs; attempts are bounded"
)

// tables asks for every breach that the database can tell of itself.
func (a *Auditor) tables(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if broken, err := effects.Broken(ctx, a.w.DB, effects.Laws()); err == nil {
		a.note(lawsHold, 1, broken)
	}
	if violations, err := a.w.Effects.Violations(ctx); err == nil {
		a.note(effectOnce, 1, violations)
	}
}

// note adds the outcome of a check. A breach that is there already is not added
// again.
func (a *Auditor) note(name string, checked int, breaches []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	inv := a.found[name]
	if inv == nil {
		inv = &Invariant{Name: name, Held: true}
		a.found[name] = inv
		a.order = append(a.order, name)
	}
	inv.Checked += checked
	for _, breach := range breaches {
		inv.Held = false
		inv.add(breach, a.about)
	}
}

func (i *Invariant) add(breach, about string) {
	if about != "" {
		breach += " (seen during " + about + ")"
	}
	for _, known := range i.Details {
		if known == breach {
			return
		}
	}
	if len(i.Details) < mostDetails {
		i.Details = append(i.Details, breach)
	}
}

// Broken reports whether an invariant is broken so far.
func (a *Auditor) Broken() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, inv := range a.found {
		if !inv.Held {
			return true
		}
	}
	return false
}

// Results lists the invariants in the order in which they were first checked.
func (a *Auditor) Results() []Invariant {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]Invariant, 0, len(a.order))
	for _, name := range a.order {
		all = append(all, *a.found[name])
	}
	return all
}
