package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

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
}

// step plans one batch of accounts and one of markets. A kind that fails does
// not keep the other from being planned.
func (p *planner) step(ctx context.Context) (time.Duration, error) {
	accounts, accountsErr := p.plan(ctx, syncjob.Account)
	markets, marketsErr := p.plan(ctx, syncjob.Market)
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

// plan gives how many slots it has moved on.
func (p *planner) plan(ctx context.Context, kind syncjob.SubjectKind) (int, error) {
	planned, slots, err := p.planSlots(ctx, kind)
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
func (p *planner) planSlots(ctx context.Context, kind syncjob.SubjectKind) (ledger.Planned, []ledger.Slot, error) {
	if !p.hand.ready() {
		return p.ledger.PlanSlots(ctx, kind, p.batch)
	}
	planned, slots, jobs, err := p.ledger.PlanTaken(ctx, kind, p.batch)
	p.hand.give(jobs)
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
