package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// afterAKill is the time that the job of a killed worker may take until another
// has finished it: its lease, and the sweep, the publishing and the work itself.
const afterAKill = 15 * time.Second

// kills are processes that die at each step of the walk of a job.
func kills() []*Fault {
	var all []*Fault
	for _, point := range failpoint.Points() {
		all = append(all, &Fault{
			Name: "killed@" + string(point), Does: "SIGKILL at the point " + string(point),
			On: []world.Topology{world.Single, world.Cluster, world.Replicated, world.PowerCut}, Within: afterAKill,
			inject: killAt(point),
		})
	}
	return all
}

// killAt arms a point of the walk and waits until it has killed somebody. Jobs in
// flight are those of the process that died; a scheduler or an aggregator has
// none, and there any job counts.
func killAt(point failpoint.Point) func(context.Context, *world.World, *rand.Rand) (*Strike, error) {
	return func(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error) {
		armed, err := w.Arm(point, "", failpoint.Kill)
		if err != nil {
			return nil, err
		}
		if point == failpoint.WorkerDraining {
			if err := drainAWorker(ctx, w, random); err != nil {
				return nil, err
			}
		}
		pid, err := armed.AwaitStruck(ctx)
		if err != nil {
			return nil, errors.Join(err, armed.Disarm())
		}
		at := time.Now()
		jobs, err := w.ClaimsOf(ctx, pid)
		if err == nil && len(jobs) == 0 {
			jobs, err = w.AwaitInFlight(ctx, "")
		}
		return &Strike{At: at, Jobs: jobs, Note: fmt.Sprintf("process %d", pid)}, err
	}
}

// drainAWorker stops a worker that has a job which takes longer than its grace,
// so that the job is given back.
func drainAWorker(ctx context.Context, w *world.World, random *rand.Rand) error {
	job, release, err := holdAJob(ctx, w, random, syncjob.Balances)
	if err != nil {
		return err
	}
	defer release()
	member, err := w.OwnerOf(job)
	if err == nil {
		_, err = w.Terminate(ctx, member)
	}
	return err
}
