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

// poison are jobs that harm who works on them, again and again.
func poison() []*Fault {
	poisoned := func(action failpoint.Action, does string, within time.Duration) *Fault {
		return &Fault{
			Name: "poison_" + string(action), Does: does, On: everywhere(), Within: within,
			inject: poisonWith(action, world.Victim),
		}
	}
	hang := poisoned(failpoint.Hang, "every attempt of a job loops and ignores its context", 2*time.Minute)
	hang.Beside, hang.inject = true, poisonWith(failpoint.Hang, world.HangingVictim)
	return []*Fault{
		poisoned(failpoint.Panic, "every attempt of a job panics", time.Minute),
		poisoned(failpoint.Exit, "every attempt of a job ends its process", time.Minute),
		poisoned(failpoint.Memory, "every attempt of a job exhausts the memory of its process", time.Minute),
		hang,
	}
}

// poisonWith starts a manual run of one type of a victim, whose attempts all
// come to grief. It must end for all that, out of attempts.
func poisonWith(action failpoint.Action, victim int) injector {
	return func(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
		account := w.Accounts[victim]
		armed, err := w.ArmAlways(failpoint.WorkerReading, account.Name, action)
		if err != nil {
			return nil, err
		}
		run, _, err := w.Ledger.StartManual(ctx, account.ID, []syncjob.DataType{syncjob.Orders})
		if err != nil {
			return nil, errors.Join(err, armed.Disarm())
		}
		if _, err := armed.AwaitStruck(ctx); err != nil {
			return nil, errors.Join(err, armed.Disarm())
		}
		jobs, err := w.AwaitInFlight(ctx, "")
		if err != nil {
			return nil, errors.Join(err, armed.Disarm())
		}
		return &Strike{
			At: time.Now(), Jobs: jobs, Note: account.Name,
			Heal: func(ctx context.Context) error {
				return errors.Join(w.AwaitRunEnd(ctx, run.ID), armed.Disarm())
			},
			Verify: func(ctx context.Context) error { return exhausted(ctx, w, run.ID) },
		}, nil
	}
}

// exhausted demands that the run's job ended badly, and not before it had used
// its attempts or its run's time.
func exhausted(ctx context.Context, w *world.World, runID string) error {
	jobs, err := w.Ledger.Jobs(ctx, runID)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		switch job.Status {
		case syncjob.Dead, syncjob.Failed, syncjob.Cancelled:
		default:
			return fmt.Errorf("the poisoned job %s is %s", job.ID, job.Status)
		}
	}
	return nil
}
