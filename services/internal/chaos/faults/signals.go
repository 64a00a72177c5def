package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// everywhere are all topologies.
func everywhere() []world.Topology { return world.Topologies() }

// signals are processes that are stopped, in every sense.
func signals() []*Fault {
	return []*Fault{
		{
			Name: "worker_stopped_past_its_lease", Does: "SIGSTOP with a job in hand, SIGCONT after the lease has ended",
			On: everywhere(), Within: afterAKill, inject: stopPastTheLease,
		},
		{
			Name: "every_process_killed", Does: "SIGKILL to every scheduler, worker and aggregator at once",
			On: everywhere(), Within: afterAKill, inject: killEverybody,
		},
		{
			Name: "schedulers_racing", Does: "three more schedulers, and SIGKILL to one in the middle of its work",
			On: everywhere(), Within: afterAKill, inject: raceSchedulers,
		},
		{
			Name: "deploy", Does: "SIGTERM to every worker in turn, with a job that takes longer than the grace",
			On: everywhere(), Within: afterAKill, inject: deploy,
		},
		{
			Name: "old_worker", Does: "the only worker knows one data type; jobs of the others wait for one that can",
			On: everywhere(), Within: afterAKill, inject: onlyAnOldWorker,
		},
	}
}

// stopPastTheLease stops the owner of a held job, lets the exchange answer, so
// that the old answer waits in the stopped process's socket, and continues it
// when another has finished the job.
func stopPastTheLease(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error) {
	job, release, err := holdAJob(ctx, w, random, syncjob.Positions)
	if err != nil {
		return nil, err
	}
	defer release()
	owner, err := w.OwnerOf(job)
	if err != nil {
		return nil, err
	}
	jobs, err := w.InFlight(ctx, job.Owner)
	if err != nil {
		return nil, err
	}
	if err := owner.Signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	strike := &Strike{At: time.Now(), Jobs: jobs, Note: owner.Name()}
	strike.Heal = func(ctx context.Context) error {
		err := world.Poll(ctx, "another worker to finish the stopped one's jobs", func() (bool, error) {
			return w.Settled(ctx, jobs), nil
		})
		strike.Took = time.Since(strike.At)
		return errors.Join(err, owner.Signal(syscall.SIGCONT))
	}
	return strike, nil
}

func killEverybody(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, role := range []world.Role{world.Worker, world.Scheduler, world.Aggregator} {
		for _, m := range w.Members(role) {
			if err := m.Kill(); err != nil {
				return nil, err
			}
		}
	}
	return &Strike{At: time.Now(), Jobs: jobs}, nil
}

// raceSchedulers lets five schedulers race for every slot, and kills one of them
// in the middle of a step.
func raceSchedulers(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error) {
	var extra []*world.Member
	for range 3 {
		m, err := w.StartMember(world.Scheduler, nil, w.SchedulerArgs()...)
		if err != nil {
			return nil, err
		}
		extra = append(extra, m)
	}
	strike, err := killAt(failpoint.SchedulerTaken)(ctx, w, random)
	if err != nil {
		return nil, err
	}
	strike.Heal = func(ctx context.Context) error { return w.Retire(ctx, extra...) }
	return strike, nil
}

// deploy replaces each worker as a rolling update does, while a job takes longer
// than the grace: it is given back, and the attempt is not counted.
func deploy(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error) {
	job, release, err := holdAJob(ctx, w, random, syncjob.Balances)
	if err != nil {
		return nil, err
	}
	jobs, err := w.InFlight(ctx, "")
	if err != nil {
		release()
		return nil, err
	}
	before, err := w.TriesOf(ctx, job.JobID)
	if err != nil {
		release()
		return nil, err
	}
	return &Strike{
		At: time.Now(), Jobs: jobs, Note: job.Owner,
		Heal: func(ctx context.Context) error {
			defer release()
			for _, m := range w.Members(world.Worker) {
				if _, err := w.Terminate(ctx, m); err != nil {
					return err
				}
			}
			return nil
		},
		Verify: func(ctx context.Context) error {
			after, err := w.TriesOf(ctx, job.JobID)
			if err != nil {
				return err
			}
			if after.Releases == before.Releases {
				return fmt.Errorf("job %s was in hand when its worker was stopped, and was not given back", job.JobID)
			}
			if after.Attempt > before.Attempt {
				return fmt.Errorf("job %s: being given back was counted as an attempt (%d, then %d)", job.JobID, before.Attempt, after.Attempt)
			}
			return nil
		},
	}, nil
}

// onlyAnOldWorker leaves one worker of one type, as before a release that brings
// others. It must touch none of their jobs.
func onlyAnOldWorker(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	capable := w.Members(world.Worker)
	if err := w.Retire(ctx, capable...); err != nil {
		return nil, err
	}
	at := time.Now()
	old, err := w.StartMember(world.Worker, nil, append(w.WorkerArgs(), "--types", string(syncjob.Balances))...)
	if err != nil {
		return nil, err
	}
	return &Strike{At: at, Jobs: jobs, Note: old.Name(), Heal: func(ctx context.Context) error {
		err := errors.Join(wait(ctx, 2*away), servesOnly(ctx, w, old, syncjob.Balances))
		for _, m := range capable {
			m.Release()
		}
		return errors.Join(err, w.Retire(ctx, old))
	}}, nil
}

// servesOnly demands that a worker has worked, and on one type and probes alone.
func servesOnly(ctx context.Context, w *world.World, m *world.Member, dataType syncjob.DataType) error {
	var right, wrong int
	err := w.DB.QueryRow(ctx, `
SELECT count(*) FILTER (WHERE data_type IN ($2, 'probe')), count(*) FILTER (WHERE data_type NOT IN ($2, 'probe'))
FROM alphapulse.sync_jobs WHERE owner = $1`, m.Name(), dataType).Scan(&right, &wrong)
	if err == nil && (right == 0 || wrong > 0) {
		err = fmt.Errorf("%s, a worker of %s, took %d jobs of it and %d of others", m.Name(), dataType, right, wrong)
	}
	return err
}
