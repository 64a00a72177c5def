package scheduler

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/ledger"
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
	log     *logrus.Entry
	poll    time.Duration
	batch   int
	planned func() // wakes the publisher
	hand    *handover
	behind  bool // the last step left slots of accounts that were due
	due     frontier
}

// moved is what a plan has done.
type moved struct {
	slots int
	first time.Time // when the first of them was due
}

func (m moved) and(other moved) moved {
	if m.slots == 0 || other.slots > 0 && other.first.Before(m.first) {
		m.first = other.first
	}
	m.slots += other.slots
	return m
}

// step plans one batch of accounts, or two side by side while there are more, and one
// of markets. A kind that fails does not keep the other from being planned.
func (p *planner) step(ctx context.Context) (time.Duration, error) {
	from := p.due.from()
	accounts, accountsErr := p.planAccounts(ctx, from)
	markets, marketsErr := p.plan(ctx, syncjob.Market, p.batchFrom(from))
	p.behind = accounts.slots >= p.batch
	if err := errors.Join(accountsErr, marketsErr); err != nil {
		return 0, err
	}
	all := accounts.and(markets)
	if all.slots == 0 {
		return p.untilNextSlot(ctx, from)
	}
	p.due.saw(all.first)
	if max(accounts.slots, markets.slots) >= p.batch {
		return 0, nil // there are more
	}
	return planRest, nil
}

func (p *planner) batchFrom(from time.Time) ledger.Batch {
	return ledger.Batch{From: from, Limit: p.batch}
}

// planAccounts waits for the server half of its time, which a second batch can use: the
// second leaves out the slots of the first.
func (p *planner) planAccounts(ctx context.Context, from time.Time) (moved, error) {
	batch := p.batchFrom(from)
	if !p.behind {
		return p.plan(ctx, syncjob.Account, batch)
	}
	var beside moved
	var besideErr error
	var second sync.WaitGroup
	second.Go(func() {
		besideErr = daemon.Guard(func() (err error) {
			next := batch
			next.Skip = p.batch
			beside, err = p.plan(ctx, syncjob.Account, next)
			return err
		})
	})
	first, err := p.plan(ctx, syncjob.Account, batch)
	second.Wait()
	return first.and(beside), errors.Join(err, besideErr)
}

// plan moves due slots on.
func (p *planner) plan(ctx context.Context, kind syncjob.SubjectKind, batch ledger.Batch) (moved, error) {
	planned, slots, err := p.planSlots(ctx, kind, batch)
	if err != nil {
		return moved{}, err
	}
	p.metrics.slots(planned, slots)
	if planned.Jobs > 0 {
		failpoint.Hit(failpoint.SchedulerPlanned)
		p.planned()
	}
	if len(slots) == 0 {
		return moved{}, nil
	}
	p.log.WithFields(logrus.Fields{
		"subjects": string(kind), "runs": planned.Runs, "jobs": planned.Jobs, "skipped_slots": planned.Skipped,
	}).Debug("due slots planned")
	first := slices.MinFunc(slots, func(x, y ledger.Slot) int { return x.Due.Compare(y.Due) })
	return moved{slots: len(slots), first: first.Due}, nil
}

// planSlots hands the jobs over if the publisher is ready for them, and leaves them
// due if it is not.
func (p *planner) planSlots(
	ctx context.Context, kind syncjob.SubjectKind, batch ledger.Batch,
) (planned ledger.Planned, slots []ledger.Slot, err error) {
	if !p.hand.reserve(ctx) {
		return p.ledger.PlanSlots(ctx, kind, batch)
	}
	var jobs []ledger.Publication
	defer func() { p.hand.give(jobs) }() // whatever happens, the place is not kept
	planned, slots, jobs, err = p.ledger.PlanTaken(ctx, kind, batch)
	return planned, slots, err
}

// untilNextSlot is how long no schedule will be due, at most the poll interval.
func (p *planner) untilNextSlot(ctx context.Context, from time.Time) (time.Duration, error) {
	wait, first, err := p.ledger.NextSlot(ctx, from, p.poll)
	if err != nil {
		return 0, err
	}
	p.due.saw(first)
	return max(p.due.rest(wait), minPause), nil
}
