package scheduler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// minPause is the shortest pause of a loop that found nothing it could take:
// what is due may be in the hands of another scheduler.
const minPause = 50 * time.Millisecond

// planRest is the pause after a step that has planned what was due: with many
// accounts something is due at every moment, and a step costs as much for one of them
// as for five.
const planRest = 50 * time.Millisecond

// planner makes runs of the schedules that are due.
type planner struct {
	metrics *measures
	ledger  *ledger.Ledger
	db      *postgres.DB
	log     *logrus.Entry
	poll    time.Duration
	batch   int
	planned func() // wakes the publisher
	hand    *handover
	behind  bool // the last step left slots of accounts that were due
}

// step plans one batch of accounts, or two side by side while there are more, and one
// of markets. A kind that fails does not keep the other from being planned.
func (p *planner) step(ctx context.Context) (time.Duration, error) {
	accounts, accountsErr := p.planAccounts(ctx)
	markets, marketsErr := p.plan(ctx, syncjob.Market, 0)
	p.behind = accounts >= p.batch
	if err := errors.Join(accountsErr, marketsErr); err != nil {
		return 0, err
	}
	switch moved := max(accounts, markets); {
	case moved >= p.batch:
		return 0, nil // there are more
	case moved > 0:
		return planRest, nil
	default:
		return p.untilNextSlot(ctx)
	}
}

// planAccounts waits for the server half of its time, which a second batch can use: the
// second leaves out the slots of the first.
func (p *planner) planAccounts(ctx context.Context) (int, error) {
	if !p.behind {
		return p.plan(ctx, syncjob.Account, 0)
	}
	var beside int
	var besideErr error
	var second sync.WaitGroup
	second.Go(func() {
		besideErr = daemon.Guard(func() (err error) {
			beside, err = p.plan(ctx, syncjob.Account, p.batch)
			return err
		})
	})
	moved, err := p.plan(ctx, syncjob.Account, 0)
	second.Wait()
	return moved + beside, errors.Join(err, besideErr)
}

// plan gives how many slots it has moved on.
func (p *planner) plan(ctx context.Context, kind syncjob.SubjectKind, skip int) (int, error) {
	planned, slots, err := p.planSlots(ctx, kind, skip)
	if err != nil {
		return 0, err
	}
	p.metrics.slots(planned, slots)
	if planned.Jobs > 0 {
		failpoint.Hit(failpoint.SchedulerPlanned)
		p.planned()
	}
	if len(slots) == 0 {
		return 0, nil
	}
	p.log.WithFields(logrus.Fields{
		"subjects": string(kind), "runs": planned.Runs, "jobs": planned.Jobs, "skipped_slots": planned.Skipped,
	}).Debug("due slots planned")
	return len(slots), nil
}

// planSlots hands the jobs over if the publisher is ready for them, and leaves them
// due if it is not.
func (p *planner) planSlots(
	ctx context.Context, kind syncjob.SubjectKind, skip int,
) (planned ledger.Planned, slots []ledger.Slot, err error) {
	if !p.hand.reserve() {
		return p.ledger.PlanSlots(ctx, kind, skip, p.batch)
	}
	var jobs []ledger.Publication
	defer func() { p.hand.give(jobs) }() // whatever happens, the place is not kept
	planned, slots, jobs, err = p.ledger.PlanTaken(ctx, kind, skip, p.batch)
	return planned, slots, err
}

// untilNextSlot is how long no schedule will be due, at most the poll interval.
func (p *planner) untilNextSlot(ctx context.Context) (time.Duration, error) {
	const next = `
SELECT least(min(next_at) - clock_timestamp(), $1::interval) FROM alphapulse.schedules WHERE enabled`
	var wait *time.Duration
	if err := p.db.QueryRow(ctx, next, p.poll).Scan(&wait); err != nil {
		return 0, fmt.Errorf("finding the next slot: %w", err)
	}
	if wait == nil {
		return p.poll, nil
	}
	return max(*wait, minPause), nil
}
