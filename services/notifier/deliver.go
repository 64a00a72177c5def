package notifier

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sendTimeout   = 15 * time.Second
	recordTimeout = 15 * time.Second
	// takenAtOnce is how many deliveries are taken together; they are sent one after
	// the other.
	takenAtOnce = 4
	minRetry    = 5 * time.Second
	maxRetry    = time.Hour
)

// lease is after how long a delivery under way counts as lost. The last of those
// taken together begins when every one before it has used up its time for sending
// and recording, and must not be another's by then.
func (n *Notifier) lease() time.Duration {
	return (takenAtOnce + 1) * (n.cfg.SendTimeout + recordTimeout)
}

// delivery is a notice on its way to a target.
type delivery struct {
	Notice
	Target  string
	Attempt int
}

// deliver sends what is due and returns how many that were. Each delivery is
// counted and leased before it is sent, so that a notifier that dies leaves it to
// another.
func (n *Notifier) deliver(ctx context.Context) (int, error) {
	due, err := n.take(ctx)
	if err != nil {
		return 0, err
	}
	for _, d := range due {
		target, known := n.target(d.Target)
		if !known {
			continue // another notifier's; its lease ends
		}
		if err := n.record(ctx, d, n.sender.send(ctx, target, d.Notice)); err != nil {
			return len(due), err
		}
	}
	return len(due), nil
}

func (n *Notifier) target(name string) (Target, bool) {
	for _, t := range n.cfg.Targets {
		if t.Name == name {
			return t, true
		}
	}
	return Target{}, false
}

func (n *Notifier) take(ctx context.Context) ([]delivery, error) {
	names := make([]string, len(n.cfg.Targets))
	for i, t := range n.cfg.Targets {
		names[i] = t.Name
	}
	const take = `
WITH due AS (
    SELECT notice_id, target FROM alphapulse.notice_deliveries
    WHERE status = 'pending' AND next_at <= clock_timestamp() AND target = ANY ($1)
    ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE alphapulse.notice_deliveries d SET attempts = d.attempts + 1, next_at = clock_timestamp() + $2::interval
    FROM due WHERE d.notice_id = due.notice_id AND d.target = due.target
    RETURNING d.notice_id, d.target, d.attempts
)
SELECT n.id, n.kind, n.subject, n.state, n.level, n.message, n.details, n.since, n.at, t.target, t.attempts
FROM taken t JOIN alphapulse.notices n ON n.id = t.notice_id ORDER BY n.id`
	rows, err := n.db.Query(ctx, take, names, n.lease(), takenAtOnce)
	if err != nil {
		return nil, fmt.Errorf("taking notices to deliver: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery, error) {
		var d delivery
		err := row.Scan(&d.ID, &d.Kind, &d.Subject, &d.State, &d.Level, &d.Message, &d.Details, &d.Since, &d.At, &d.Target, &d.Attempt)
		return d, err
	})
}

// record says what became of a delivery: taken, to be tried again, or dead.
func (n *Notifier) record(ctx context.Context, d delivery, sent error) error {
	log := n.log.WithField("notice", d.ID).WithField("target", d.Target).WithField("attempt", d.Attempt)
	status, after, reason := "delivered", time.Duration(0), ""
	switch {
	case sent == nil:
		log.Info("notifier: delivered")
	case d.Attempt >= n.cfg.Attempts:
		status, reason = "dead", sent.Error()
		log.WithError(sent).Error("notifier: given up")
	default:
		status, after, reason = "pending", retryAfter(d.Attempt), sent.Error()
		log.WithError(sent).Warn("notifier: not delivered; it is tried again")
	}
	const record = `
UPDATE alphapulse.notice_deliveries
SET status = $3, last_error = $4, next_at = clock_timestamp() + $5::interval,
    delivered_at = CASE WHEN $3 = 'delivered' THEN clock_timestamp() END
WHERE notice_id = $1 AND target = $2 AND status = 'pending' AND attempts = $6`
	// On a context of its own: what was sent must be known as sent.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if _, err := n.db.Exec(ctx, record, d.ID, d.Target, status, reason, after, d.Attempt); err != nil {
		return fmt.Errorf("recording a delivery: %w", err)
	}
	return nil
}

// retryAfter doubles from 5 s to an hour, with jitter.
func retryAfter(attempt int) time.Duration {
	wait := min(minRetry<<min(attempt-1, 20), maxRetry)
	return wait/2 + rand.N(wait/2+1)
}
