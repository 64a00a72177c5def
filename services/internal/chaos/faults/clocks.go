package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/failpoint"
)

// clockJumps are wall clocks that are set by hand while work goes on. The
// database's clock decides leases, due times and deadlines, so that nothing may
// come of it but a request that is signed anew.
func clockJumps() []*Fault {
	fault := func(name, does string, point failpoint.Point, by time.Duration) *Fault {
		return &Fault{Name: "clock_" + name, Does: does, On: everywhere(), Within: afterAKill, inject: jumpClock(point, by)}
	}
	return []*Fault{
		fault("of_a_worker_ahead", "a worker's clock jumps ten minutes ahead with a job in hand", failpoint.WorkerClaimed, 10*time.Minute),
		fault("of_a_worker_behind", "a worker's clock jumps ten minutes back with a job in hand", failpoint.WorkerClaimed, -10*time.Minute),
		fault("of_a_scheduler_ahead", "a scheduler's clock jumps ten minutes ahead while it publishes", failpoint.SchedulerTaken, 10*time.Minute),
		fault("of_a_scheduler_behind", "a scheduler's clock jumps ten minutes back while it publishes", failpoint.SchedulerTaken, -10*time.Minute),
	}
}

// jumpClock lets the process whose clock has jumped work on for a while, and then
// starts it again.
func jumpClock(point failpoint.Point, by time.Duration) injector {
	return func(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
		armed, err := w.Arm(point, "", failpoint.Jump(by))
		if err != nil {
			return nil, err
		}
		pid, err := armed.AwaitStruck(ctx)
		if err != nil {
			return nil, err
		}
		at := time.Now()
		jobs, err := w.AwaitInFlight(ctx, "")
		if err != nil {
			return nil, err
		}
		member, err := w.MemberOf(pid)
		if err != nil {
			return nil, err
		}
		return &Strike{At: at, Jobs: jobs, Note: fmt.Sprintf("%s by %s", member.Name(), by), Heal: func(ctx context.Context) error {
			if err := wait(ctx, 2*away); err != nil {
				return err
			}
			if err := worksOn(ctx, w, member, at); err != nil {
				return err
			}
			_, err := w.Terminate(ctx, member)
			return err
		}}, nil
	}
}

// worksOn demands that a worker has begun and ended jobs since then. The other
// parts work for all that they show.
func worksOn(ctx context.Context, w *world.World, m *world.Member, since time.Time) error {
	if m.Role != world.Worker {
		return nil
	}
	done, err := w.EndedBy(ctx, m.Name(), since)
	if err == nil && done == 0 {
		err = fmt.Errorf("%s has begun and ended no job since its clock jumped", m.Name())
	}
	return err
}
