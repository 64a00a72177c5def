package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// lineChecker compares the queued jobs with what the broker still has in line.
type lineChecker struct {
	metrics *measures
	ledger  *ledger.Ledger
	queue   *queue.Queue
	log     *logrus.Entry
	every   time.Duration
	batch   int
	missing func() // a stream or consumer is missing
	due     func() // jobs have become due
}

// step looks at every consumer for queued jobs whose message is not in line. A
// consumer that fails does not keep the others from being looked at, unless
// nobody answers.
func (l *lineChecker) step(ctx context.Context) (time.Duration, error) {
	consumers, err := consumersOf(ctx, l.ledger)
	if err != nil {
		return 0, err
	}
	var failures []error
	for _, c := range consumers {
		err := l.check(ctx, c)
		switch {
		case err == nil:
		case errors.Is(err, queue.ErrStreamMissing), errors.Is(err, queue.ErrConsumerMissing):
			l.missing() // what cannot be made is that loop's to report
		default:
			failures = append(failures, err)
		}
		if errors.Is(err, queue.ErrUnreachable) {
			break
		}
	}
	return l.every, errors.Join(failures...)
}

// check reads the rows, then the broker, and publishes again what will not be
// delivered any more (docs/protocol.md rule 10). The rows are those at both ends
// of the queue: as long as all of them were lost, the next ones are looked at as
// well.
func (l *lineChecker) check(ctx context.Context, c queue.Consumer) error {
	total := 0
	defer func() {
		l.metrics.sweep(sweptGone, total)
		if total > 0 {
			l.due()
			l.log.WithFields(logrus.Fields{"consumer": c.Name(), "count": total}).
				Warn("jobs whose message is gone are published again")
		}
	}()
	for range maxRounds {
		rows, err := l.ledger.InLine(ctx, c.Name(), l.batch)
		if err != nil || len(rows) == 0 {
			return err
		}
		at, err := l.queue.Position(ctx, c)
		if err != nil {
			return err
		}
		lost := notInLine(at, rows)
		n, err := l.ledger.Republish(ctx, lost)
		if err != nil {
			return fmt.Errorf("consumer %s: %w", c, err)
		}
		total += n
		if len(lost) < len(rows) || n == 0 {
			return nil
		}
	}
	return nil
}

func notInLine(at queue.Position, rows []ledger.Published) []ledger.Published {
	var lost []ledger.Published
	for _, row := range rows {
		if !at.InLine(row.Seq, row.Created) {
			lost = append(lost, row)
		}
	}
	return lost
}
