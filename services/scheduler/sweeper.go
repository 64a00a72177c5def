package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
)

// maxRounds bounds how often a part of one sweep repeats while it finds full
// batches; what is left is for the next sweep, a second later.
const maxRounds = 100

// sweeper brings on what processes that died have left behind. It asks the
// database alone, so a broker that is away delays none of it.
type sweeper struct {
	metrics *measures
	ledger  *ledger.Ledger
	log     *logrus.Entry
	every   time.Duration
	held    time.Duration
	batch   int
	due     func() // jobs have become due
}

// step is one sweep. Its parts are independent: each runs whatever became of
// the others.
func (s *sweeper) step(ctx context.Context) (time.Duration, error) {
	err := errors.Join(
		s.repeat(ctx, sweptLost, s.ledger.TakeBackLost, "jobs taken back from workers that stopped answering"),
		s.repeat(ctx, sweptOverdue, s.ledger.EndOverdue, "runs ended at their deadline"),
		s.repeat(ctx, sweptFollowers, s.ledger.StartFollowers, "following runs started"),
		s.repeat(ctx, sweptUnconfirmed, s.ledger.RepublishUnconfirmed, "jobs without a stream sequence are published again"),
		s.wake(ctx),
	)
	return s.every, err
}

// stepHeld looks for windows that are held back though there is room. It is the
// net of a wake-up that was missed, which is rare, so it looks less often.
func (s *sweeper) stepHeld(ctx context.Context) (time.Duration, error) {
	return s.held, s.repeat(ctx, sweptHeld, s.ledger.LetGoHeld, "windows that nobody woke are let go")
}

// wake makes the jobs due that waited for a pause that was resumed. That is what
// somebody wanted, so it is no warning.
func (s *sweeper) wake(ctx context.Context) error {
	total, err := s.batches(ctx, sweptPaused, s.ledger.WakePaused)
	if total > 0 {
		s.due()
		s.log.WithField("count", total).Info("jobs whose pause is over are due again")
	}
	return err
}

// repeat runs one part and logs what it found.
func (s *sweeper) repeat(
	ctx context.Context, name string, part func(context.Context, int) (int, error), found string,
) error {
	total, err := s.batches(ctx, name, part)
	if total > 0 {
		s.due()
		s.log.WithField("count", total).Warn(found)
	}
	return err
}

// batches runs one part until it no longer finds full batches.
func (s *sweeper) batches(
	ctx context.Context, name string, part func(context.Context, int) (int, error),
) (total int, err error) {
	defer func() { s.metrics.sweep(name, total) }()
	for range maxRounds {
		var n int
		n, err = part(ctx, s.batch)
		total += n
		if err != nil || n < s.batch {
			break
		}
	}
	return total, err
}
