package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// Why a change is not made under a key.
var (
	// ErrOtherRequest: the key was used for another change.
	ErrOtherRequest = errors.New("the key was used for another request")
	// ErrInProgress: the call that used the key first has not ended.
	ErrInProgress = errors.New("the first request with this key is under way")
	// ErrOutcomeUnknown: the call that used the key first has ended, and nobody
	// knows whether the change was made.
	ErrOutcomeUnknown = errors.New("nobody knows what became of the first request with this key")
)

// Use is one call under a key.
type Use struct {
	Actor, Key  string // of this caller
	Procedure   string
	RequestHash []byte
	// Lasts is how long the call can go on at most.
	Lasts time.Duration

	claim string
}

// Keys is the table of keys. It is safe for concurrent use.
type Keys struct{ db *postgres.DB }

// NewKeys gives the table of a database, which must be the primary.
func NewKeys(db *postgres.DB) *Keys { return &Keys{db: db} }

// Claim takes the key for a call, which must then be ended by Done, Undone or
// Doubtful. If the key has done this change already, it gives the answer of that
// time instead, and repeated is true.
func (k *Keys) Claim(ctx context.Context, use *Use) (response []byte, repeated bool, err error) {
	const tries = 3 // another call may give the key free between two statements
	for range tries {
		taken, err := k.take(ctx, use)
		if err != nil || taken {
			return nil, false, err
		}
		response, err = k.look(ctx, use)
		if !errors.Is(err, pgx.ErrNoRows) {
			return response, err == nil, err
		}
	}
	return nil, false, ErrInProgress
}

// take inserts the key unless it is there. One that is older than a day is as
// good as gone.
func (k *Keys) take(ctx context.Context, use *Use) (bool, error) {
	use.claim = uuid.NewString()
	tag, err := k.db.Exec(ctx, `
INSERT INTO alphapulse.idempotency_keys AS k (actor, key, procedure, request_hash, claim, busy_until)
VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::interval)
ON CONFLICT (actor, key) DO UPDATE
SET procedure = excluded.procedure, request_hash = excluded.request_hash, claim = excluded.claim,
    created_at = excluded.created_at, busy_until = excluded.busy_until, response = NULL
WHERE k.created_at < clock_timestamp() - interval '24 hours'`,
		use.Actor, use.Key, use.Procedure, use.RequestHash, use.claim, use.Lasts)
	if err != nil {
		return false, fmt.Errorf("taking the idempotency key: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	k.prune(ctx)
	return true, nil
}

// look tells what the key has done.
func (k *Keys) look(ctx context.Context, use *Use) (response []byte, err error) {
	var procedure string
	var hash []byte
	var busy bool
	err = k.db.QueryRow(ctx, `
SELECT procedure, request_hash, response, busy_until > clock_timestamp()
FROM alphapulse.idempotency_keys WHERE actor = $1 AND key = $2`, use.Actor, use.Key).Scan(&procedure, &hash, &response, &busy)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the idempotency key: %w", err)
	case procedure != use.Procedure || !bytes.Equal(hash, use.RequestHash):
		return nil, ErrOtherRequest
	case response != nil:
		return response, nil
	case busy:
		return nil, ErrInProgress
	default:
		return nil, ErrOutcomeUnknown
	}
}

// prune deletes some keys that are older than a day, more than come in. What it
// cannot delete now the next call deletes.
func (k *Keys) prune(ctx context.Context) {
	const expired = `
DELETE FROM alphapulse.idempotency_keys WHERE (actor, key) IN (
    SELECT actor, key FROM alphapulse.idempotency_keys WHERE created_at < clock_timestamp() - interval '24 hours'
    ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)`
	_, _ = k.db.Exec(ctx, expired)
}

// Done keeps the answer of a change that was made.
func (k *Keys) Done(ctx context.Context, use *Use, response []byte) error {
	if response == nil {
		response = []byte{} // an empty message; NULL would be none
	}
	return k.end(ctx, `UPDATE alphapulse.idempotency_keys SET response = $4 WHERE actor = $1 AND key = $2 AND claim = $3`,
		use.Actor, use.Key, use.claim, response)
}

// Undone gives the key free: the change was not made.
func (k *Keys) Undone(ctx context.Context, use *Use) error {
	return k.end(ctx, `DELETE FROM alphapulse.idempotency_keys WHERE actor = $1 AND key = $2 AND claim = $3`,
		use.Actor, use.Key, use.claim)
}

// Doubtful says that the call has ended and may have made the change.
func (k *Keys) Doubtful(ctx context.Context, use *Use) error {
	return k.end(ctx, `
UPDATE alphapulse.idempotency_keys SET busy_until = clock_timestamp() WHERE actor = $1 AND key = $2 AND claim = $3`,
		use.Actor, use.Key, use.claim)
}

func (k *Keys) end(ctx context.Context, statement string, args ...any) error {
	if _, err := k.db.Exec(ctx, statement, args...); err != nil {
		return fmt.Errorf("completing the idempotency key: %w", err)
	}
	return nil
}
