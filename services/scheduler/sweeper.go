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
	)
	return s.every, err
}

// stepHeld looks for windows that are held back though there is room. It is the
// net of a wake-up that was missed, which is rare, so it looks less often.
func (s *sweeper) stepHeld(ctx context.Context) (time.Duration, error) {
	return s.held, s.repeat(ctx, sweptHeld, s.ledger.LetGoHeld, "windows that nobody woke are let go")
}

// repeat runs one part until it no longer finds full batches.
func (s *sweeper) repeat(
	ctx context.Context, name string, part func(context.Context, int) (int, error), found string,
) error {
	total := 0
	var err error
	for range maxRounds {
		var n int
		n, err = part(ctx, s.batch)
		total += n
		if err != nil || n < s.batch {
			break
		}
	}
	s.metrics.sweep(name, total)
	if total > 0 {
		s.due()
		s.log.WithField("count", total).Warn(found)
	}
	return err
}
