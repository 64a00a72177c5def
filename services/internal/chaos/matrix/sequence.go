package matrix

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/faults"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

// leg is one topology's part of a run.
type leg struct {
	topology world.Topology
	lasts    time.Duration
	// round is every fault that this leg is responsible for, in the seed's order.
	round  []*faults.Fault
	random *rand.Rand
	next   int
}

// legs divides a run among the topologies. A fault belongs to the first topology
// that it can happen on, so that a round through all legs meets every fault once;
// the time of a leg goes by how many it has.
func legs(seed int64, duration time.Duration, chosen []*faults.Fault) []*leg {
	var all []*leg
	for _, topology := range world.Topologies() {
		l := &leg{topology: topology, random: randomOf(seed, string(topology))}
		for _, f := range chosen {
			if f.On[0] == topology {
				l.round = append(l.round, f)
			}
		}
		if len(l.round) > 0 {
			l.random.Shuffle(len(l.round), func(i, j int) { l.round[i], l.round[j] = l.round[j], l.round[i] })
			// What takes minutes begins first, and the rest happens beside it.
			slices.SortStableFunc(l.round, func(a, b *faults.Fault) int { return before(a.Beside, b.Beside) })
			l.lasts = duration * time.Duration(len(l.round)) / time.Duration(len(chosen))
			all = append(all, l)
		}
	}
	return all
}

func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// fault gives the next fault of the leg: each of the round in turn, then any that
// can happen here and does not take minutes.
func (l *leg) fault(chosen []*faults.Fault) *faults.Fault {
	if l.next < len(l.round) {
		l.next++
		return l.round[l.next-1]
	}
	var possible []*faults.Fault
	for _, f := range chosen {
		if slices.Contains(f.On, l.topology) && !f.Beside {
			possible = append(possible, f)
		}
	}
	if len(possible) == 0 {
		return nil
	}
	return possible[l.random.IntN(len(possible))]
}

func randomOf(seed int64, name string) *rand.Rand {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name))                          // never fails
	return rand.New(rand.NewPCG(uint64(seed), hash.Sum64())) //nolint:gosec // repeatable, not secret
}
