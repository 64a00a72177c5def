package notifier

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// lookLock is the advisory lock of the notifier that looks.
const lookLock = 0x616c706861 // "alpha"

// Notice is what is told.
type Notice struct {
	ID      int64           `json:"id"`
	Kind    string          `json:"condition"`
	Subject string          `json:"subject"`
	State   string          `json:"state"` // firing or recovered
	Level   int             `json:"level"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details,omitempty"`
	Since   time.Time       `json:"since"`
	At      time.Time       `json:"at"`
}

// look compares what is wrong now with what was told, and writes the notices of
// the difference with a delivery for each target that wants them. While another
// notifier looks it does nothing. If the process dies here, nothing was written,
// and the next look finds the same.
func (n *Notifier) look(ctx context.Context) error {
	return n.db.InTx(ctx, "look for conditions", func(ctx context.Context, tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(lookLock)).Scan(&mine); err != nil || !mine {
			return err
		}
		now, err := inForce(ctx, tx)
		if err != nil {
			return err
		}
		now = append(now, n.own()...)
		before, err := n.standing(ctx, tx)
		if err != nil {
			return err
		}
		if err := n.settle(ctx, tx, now, before); err != nil {
			return err
		}
		return n.prune(ctx, tx)
	})
}

// prune removes some of the notices that are older than they are kept.
func (n *Notifier) prune(ctx context.Context, tx pgx.Tx) error {
	const prune = `
DELETE FROM alphapulse.notices
WHERE id IN (SELECT id FROM alphapulse.notices WHERE at < (SELECT clock_timestamp() - $1::interval) ORDER BY at LIMIT 100)`
	if _, err := tx.Exec(ctx, prune, n.cfg.Keep); err != nil {
		return fmt.Errorf("removing old notices: %w", err)
	}
	return nil
}

func (n *Notifier) standing(ctx context.Context, tx pgx.Tx) (map[key]standing, error) {
	rows, err := tx.Query(ctx, `
SELECT kind, subject, level, message, since, absent_since IS NOT NULL,
       coalesce(absent_since <= clock_timestamp() - $1::interval, false)
FROM alphapulse.conditions ORDER BY kind, subject FOR UPDATE`, n.cfg.Hold)
	if err != nil {
		return nil, fmt.Errorf("reading conditions: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (standing, error) {
		var s standing
		err := row.Scan(&s.Kind, &s.Subject, &s.Level, &s.Message, &s.Since, &s.Absent, &s.Over)
		return s, err
	})
	before := make(map[key]standing, len(list))
	for _, s := range list {
		before[s.key()] = s
	}
	return before, err
}

// settle makes the table equal to what is wrong now.
func (n *Notifier) settle(ctx context.Context, tx pgx.Tx, now []condition, before map[key]standing) error {
	for _, c := range now {
		was, known := before[c.key()]
		delete(before, c.key())
		if err := n.present(ctx, tx, c, was, known); err != nil {
			return err
		}
	}
	for _, was := range before {
		if err := n.absent(ctx, tx, was); err != nil {
			return err
		}
	}
	return nil
}

// present keeps a condition that is in force, and tells of one that is new or
// has become worse.
func (n *Notifier) present(ctx context.Context, tx pgx.Tx, c condition, was standing, known bool) error {
	if known && !was.Absent && was.Level == c.Level && was.Message == c.Message {
		return nil
	}
	const keep = `
INSERT INTO alphapulse.conditions (kind, subject, level, message) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind, subject) DO UPDATE SET level = excluded.level, message = excluded.message, absent_since = NULL
RETURNING since`
	var since time.Time
	if err := tx.QueryRow(ctx, keep, c.Kind, c.Subject, c.Level, c.Message).Scan(&since); err != nil {
		return fmt.Errorf("recording %s of %s: %w", c.Kind, c.Subject, err)
	}
	if known && c.Level <= was.Level {
		return nil
	}
	return n.tell(ctx, tx, Notice{
		Kind: c.Kind, Subject: c.Subject, State: "firing", Level: c.Level, Message: c.Message, Details: c.Details, Since: since,
	})
}

// absent tells of the end of a condition once it has lasted for the hold.
func (n *Notifier) absent(ctx context.Context, tx pgx.Tx, was standing) error {
	if !was.Absent {
		_, err := tx.Exec(ctx, `
UPDATE alphapulse.conditions SET absent_since = clock_timestamp() WHERE kind = $1 AND subject = $2`, was.Kind, was.Subject)
		return err
	}
	if !was.Over {
		return nil
	}
	_, err := tx.Exec(ctx, `DELETE FROM alphapulse.conditions WHERE kind = $1 AND subject = $2`, was.Kind, was.Subject)
	if err != nil {
		return err
	}
	return n.tell(ctx, tx, Notice{
		Kind: was.Kind, Subject: was.Subject, State: "recovered", Level: was.Level, Message: was.Message, Since: was.Since,
	})
}

// tell writes a notice and its deliveries.
func (n *Notifier) tell(ctx context.Context, tx pgx.Tx, notice Notice) error {
	var names []string
	for _, t := range n.cfg.Targets {
		if t.wants(notice.Kind) {
			names = append(names, t.Name)
		}
	}
	if notice.Details == nil {
		notice.Details = json.RawMessage(`{}`)
	}
	const write = `
WITH told AS (
    INSERT INTO alphapulse.notices (kind, subject, state, level, message, details, since)
    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
)
INSERT INTO alphapulse.notice_deliveries (notice_id, target) SELECT told.id, name FROM told, unnest($8::text[]) name`
	_, err := tx.Exec(ctx, write, notice.Kind, notice.Subject, notice.State, notice.Level, notice.Message, notice.Details,
		notice.Since, names)
	if err != nil {
		return fmt.Errorf("writing a notice of %s: %w", notice.Kind, err)
	}
	n.log.WithField("condition", notice.Kind).WithField("subject", notice.Subject).WithField("state", notice.State).
		Warn("notifier: " + notice.Message)
	return nil
}
