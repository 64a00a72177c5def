package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/vault"
)

// Why a token is refused. Only its owner is told more than ErrUnknown.
var (
	ErrUnknown = errors.New("the token is not one of this API")
	ErrExpired = errors.New("the token has expired")
	ErrRevoked = errors.New("the token was revoked")
)

// outlives is how long a token that the database has confirmed is good for while
// the database does not answer.
const outlives = 30 * time.Second

// Find tells which token a text is. What is neither a token nor ErrUnknown,
// ErrExpired or ErrRevoked is a failure of the database.
func (t *Tokens) Find(ctx context.Context, text vault.Secret) (Token, error) {
	id, secret, ok := split(text.Reveal())
	if !ok {
		return Token{}, ErrUnknown
	}
	given := sha256.Sum256([]byte(secret))
	token, hash, stale, err := t.read(ctx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		t.confirmed.forget(id)
		hash = make([]byte, sha256.Size) // compared all the same, in the same time
	case err != nil:
		if token, ok := t.confirmed.recall(id, given); ok {
			return token, nil
		}
		return Token{}, fmt.Errorf("looking up the token: %w", err)
	}
	if subtle.ConstantTimeCompare(given[:], hash) != 1 {
		return Token{}, ErrUnknown
	}
	switch {
	case token.RevokedAt != nil:
		t.confirmed.forget(id)
		return token, ErrRevoked
	case token.Expired:
		t.confirmed.forget(id)
		return token, ErrExpired
	}
	t.confirmed.note(token, given)
	if stale {
		t.use(ctx, id)
	}
	return token, nil
}

// read finds a token by its id; stale: its last use is to be noted.
func (t *Tokens) read(ctx context.Context, id int64) (token Token, hash []byte, stale bool, err error) {
	rows, err := t.db.Query(ctx, `
SELECT `+tokenColumns+`, token_hash, coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)
FROM alphapulse.api_tokens WHERE id = $1`, id)
	if err != nil {
		return Token{}, nil, false, err
	}
	token, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (found Token, err error) {
		err = row.Scan(&found.ID, &found.Name, &found.Scopes, &found.CreatedBy, &found.CreatedAt, &found.ExpiresAt,
			&found.RevokedAt, &found.LastUsedAt, &found.Expired, &hash, &stale)
		return found, err
	})
	return token, hash, stale, err
}

// use notes the time, at most once a minute. That is for people to see: a failure
// refuses nobody.
func (t *Tokens) use(ctx context.Context, id int64) {
	const note = `
UPDATE alphapulse.api_tokens SET last_used_at = clock_timestamp()
WHERE id = $1 AND coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)`
	_, _ = t.db.Exec(ctx, note, id)
}

// confirmed remembers the tokens that the database has confirmed.
type confirmed struct {
	now  func() time.Time
	mu   *sync.Mutex
	byID map[int64]confirmation
}

type confirmation struct {
	token Token
	hash  [sha256.Size]byte
	at    time.Time
}

func newConfirmed(now func() time.Time) confirmed {
	return confirmed{now: now, mu: &sync.Mutex{}, byID: map[int64]confirmation{}}
}

func (c confirmed) note(token Token, hash [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[token.ID] = confirmation{token, hash, c.now()}
}

func (c confirmed) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}

// recall gives a token that was confirmed a moment ago and has not expired
// since.
func (c confirmed) recall(id int64, hash [sha256.Size]byte) (Token, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.byID[id]
	now := c.now()
	switch {
	case !ok || subtle.ConstantTimeCompare(found.hash[:], hash[:]) != 1:
		return Token{}, false
	case now.Sub(found.at) > outlives, found.token.ExpiresAt != nil && !now.Before(*found.token.ExpiresAt):
		delete(c.byID, id)
		return Token{}, false
	}
	return found.token, true
}
