package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/disk"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

// Fault is one cell of the matrix.
type Fault struct {
	// Name is what the report and FAULTS= call it.
	Name string
	// Does says in a few words what happens.
	Does string
	// On are the topologies in which it can happen.
	On []world.Topology
	// Within is how long the fleet may take to recover: from the strike or, where
	// something was taken away, from its return, until every job that was in flight
	// has ended or, with BackToWork, until the first job has.
	Within     time.Duration
	BackToWork bool
	// Available says why it cannot be done on this machine; nil: it always can.
	Available func() error
	// Instead names the nearest fault, which then takes its place.
	Instead string
	// Beside marks a fault that takes minutes and harms little: others go on
	// meanwhile.
	Beside bool

	inject func(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error)
}

// Inject does it, and returns when it has struck. The strike is nil with an error.
func (f *Fault) Inject(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error) {
	strike, err := f.inject(ctx, w, random)
	if err != nil {
		return nil, fmt.Errorf("injecting %s: %w", f.Name, err)
	}
	if len(strike.Jobs) == 0 {
		return nil, fmt.Errorf("injecting %s: no job was in flight", f.Name)
	}
	return strike, nil
}

// Strike is a fault that has struck.
type Strike struct {
	// At is when the clock of the recovery starts.
	At time.Time
	// Jobs were in flight when it struck.
	Jobs []world.Claim
	// Heal gives back what was taken away, and starts the clock anew; nil: nothing
	// was.
	Heal func(ctx context.Context) error
	// Took is how long the recovery took where Heal has waited for it itself.
	Took time.Duration
	// Verify says what is wrong after the recovery; nil: the invariants are enough.
	Verify func(ctx context.Context) error
	// Note is a word for the report, such as whom it struck.
	Note string
}

// All is the matrix, in the order of the walk of a job and outwards from it.
func All() []*Fault {
	return slices.Concat(kills(), signals(), clockJumps(), poison(), messageFaults(), exchangeFaults(),
		brokerFaults(), brokerLinkFaults(), databaseFaults(), databaseLinkFaults(), clusterFaults(), replicaFaults(),
		powerCuts(disk.Available))
}

// Select gives the faults whose names are listed; "all" or nothing means each. A
// name that ends in * selects by its beginning.
func Select(list string) ([]*Fault, error) {
	if list == "" || list == "all" {
		return All(), nil
	}
	var chosen []*Fault
	for _, pattern := range strings.Split(list, ",") {
		pattern = strings.TrimSpace(pattern)
		found := matching(pattern)
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no fault %q; `make chaos FAULTS=list` names them", pattern)
		}
		chosen = append(chosen, found...)
	}
	return chosen, nil
}

func matching(pattern string) []*Fault {
	beginning, open := strings.CutSuffix(pattern, "*")
	var found []*Fault
	for _, f := range All() {
		if f.Name == pattern || (open && strings.HasPrefix(f.Name, beginning)) {
			found = append(found, f)
		}
	}
	return found
}
