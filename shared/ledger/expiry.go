package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// KeyExpiry is a key that the exchange will soon refuse, or refuses already.
type KeyExpiry struct {
	AccountID string
	Account   string
	ExpiresAt time.Time
	Left      time.Duration // below zero: it has expired
}

// KeyExpiries lists the keys that expire within 14 days or have expired, the
// next one first.
func (l *Ledger) KeyExpiries(ctx context.Context) ([]KeyExpiry, error) {
	const read = `
SELECT id, name, key_expires_at, key_expires_at - clock_timestamp() FROM alphapulse.accounts
WHERE status <> 'removed' AND key_expires_at IS NOT NULL
  AND key_expires_at < (SELECT clock_timestamp() + interval '14 days')
ORDER BY key_expires_at, name`
	rows, err := l.db.Query(ctx, read)
	if err != nil {
		return nil, fmt.Errorf("finding keys that expire: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[KeyExpiry])
}

// TakeExpiryWarnings gives the keys to be warned of now: each once within 14,
// once within 7 and once within 1 day of its expiry, to one caller alone. If the
// process dies before it warns, that warning is lost; KeyExpiries still shows
// the key.
func (l *Ledger) TakeExpiryWarnings(ctx context.Context, limit int) ([]KeyExpiry, error) {
	const take = `
WITH due AS (
    SELECT id, d.days FROM alphapulse.accounts,
    LATERAL (SELECT CASE WHEN key_expires_at < clock_timestamp() + interval '1 day' THEN 1
                         WHEN key_expires_at < clock_timestamp() + interval '7 days' THEN 7 ELSE 14 END AS days) d
    WHERE status <> 'removed' AND key_expires_at IS NOT NULL
      AND key_expires_at < (SELECT clock_timestamp() + interval '14 days')
      AND d.days < coalesce(key_warned_days, 15)
    ORDER BY id LIMIT $1 FOR NO KEY UPDATE OF accounts SKIP LOCKED)
UPDATE alphapulse.accounts a SET key_warned_days = due.days FROM due WHERE a.id = due.id
RETURNING a.id, a.name, a.key_expires_at, a.key_expires_at - clock_timestamp()`
	rows, err := l.db.Query(ctx, take, limit)
	if err != nil {
		return nil, fmt.Errorf("finding keys to warn of: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[KeyExpiry])
}
