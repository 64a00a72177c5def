package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// steward starts, unasked and without haste, what keeps accounts whole: it
// refills holes, verifies samples, tries keys again that nobody could decide on
// and warns of those that expire.
type steward struct {
	metrics *measures
	ledger  *ledger.Ledger
	log     *logrus.Entry
	every   time.Duration
	batch   int
	due     func() // jobs have become due
}

// step does each part whatever became of the others.
func (s *steward) step(ctx context.Context) (time.Duration, error) {
	err := errors.Join(
		s.start(ctx, syncjob.TriggerBackfill, s.ledger.FillHoles, "backfills of holes started"),
		s.start(ctx, syncjob.TriggerVerify, s.ledger.PlanVerify, "accounts are verified from a sample"),
		s.start(ctx, syncjob.TriggerProbe, s.ledger.ProbeAgain, "keys are probed again: the last probe came to no decision"),
		s.warn(ctx),
	)
	return s.every, err
}

// start starts one batch of runs. What is left is for the next step, so that a
// thousand accounts with holes do not fill the queue at once.
func (s *steward) start(
	ctx context.Context, trigger syncjob.Trigger, part func(context.Context, int) (int, error), started string,
) error {
	n, err := part(ctx, s.batch)
	s.metrics.started.WithLabelValues(string(trigger)).Add(float64(n))
	if n > 0 {
		s.due()
		s.log.WithField("count", n).Info(started)
	}
	return err
}

// warn logs each key that expires within 14, 7 and 1 days, once each.
func (s *steward) warn(ctx context.Context) error {
	keys, err := s.ledger.TakeExpiryWarnings(ctx, s.batch)
	s.metrics.warnings.Add(float64(len(keys)))
	for _, key := range keys {
		log := s.log.WithFields(logrus.Fields{
			"account": key.Account, "account_id": key.AccountID, "expires_at": key.ExpiresAt.UTC().Format(time.RFC3339),
		})
		if key.Left <= 0 {
			log.Warn("the account's key has expired; set a new one with `accounts set-key`")
			continue
		}
		log.WithField("days_left", int(key.Left.Hours())/24).
			Warn("the account's key expires soon; renew it, or set a new one with `accounts set-key`")
	}
	return err
}
