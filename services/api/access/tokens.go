package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// The answers that are not failures of the database.
var (
	ErrNotFound  = errors.New("there is no such token")
	ErrNameTaken = errors.New("a token of that name exists")
)

// Token is what is known of a token.
type Token struct {
	ID         int64
	Name       string
	Scopes     []Scope
	CreatedBy  string
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time // to the minute
	Expired    bool       // by the database's clock
}

// Tokens is the table of tokens. It is safe for concurrent use.
type Tokens struct {
	db        *postgres.DB
	confirmed confirmed
}

// NewTokens gives the table of a database, which must be the primary.
func NewTokens(db *postgres.DB) *Tokens {
	return &Tokens{db: db, confirmed: newConfirmed(time.Now)}
}

const tokenColumns = `id, name, scopes, created_by, created_at, expires_at, revoked_at, last_used_at,
       coalesce(expires_at <= clock_timestamp(), false)`

func scanToken(row pgx.CollectableRow) (Token, error) {
	var t Token
	err := row.Scan(&t.ID, &t.Name, &t.Scopes, &t.CreatedBy, &t.CreatedAt, &t.ExpiresAt, &t.RevokedAt, &t.LastUsedAt,
		&t.Expired)
	return t, err
}

// NewToken is a token to be made.
type NewToken struct {
	Name      string
	Scopes    []Scope
	CreatedBy string
	ExpiresIn time.Duration // 0: never
}

// Create makes a token and gives its text, which nobody can read again. The name
// of an expired token is free; one that is in use answers ErrNameTaken.
func (t *Tokens) Create(ctx context.Context, n NewToken) (made Token, text vault.Secret, err error) {
	secret := newSecret()
	err = t.db.InTx(ctx, "create token", func(ctx context.Context, tx pgx.Tx) error {
		const free = `
UPDATE alphapulse.api_tokens SET revoked_at = expires_at
WHERE name = $1 AND revoked_at IS NULL AND expires_at <= clock_timestamp()`
		if _, err := tx.Exec(ctx, free, n.Name); err != nil {
			return fmt.Errorf("freeing the token's name: %w", err)
		}
		const insert = `
INSERT INTO alphapulse.api_tokens (name, token_hash, scopes, created_by, expires_at)
VALUES ($1, $2, $3, $4, clock_timestamp() + nullif($5::interval, interval '0'))
RETURNING ` + tokenColumns
		rows, err := tx.Query(ctx, insert, n.Name, hashOf(secret), n.Scopes, n.CreatedBy, n.ExpiresIn)
		if err != nil {
			return fmt.Errorf("storing the token: %w", err)
		}
		made, err = pgx.CollectExactlyOneRow(rows, scanToken)
		return err
	})
	switch {
	case postgres.Violates(err, "api_tokens_name"):
		return Token{}, vault.Secret{}, fmt.Errorf("%w: %s", ErrNameTaken, n.Name)
	case err != nil:
		return Token{}, vault.Secret{}, err
	}
	return made, textOf(made.ID, secret), nil
}

// List lists tokens by name, those that were revoked only if asked for.
func (t *Tokens) List(ctx context.Context, revoked bool) ([]Token, error) {
	rows, err := t.db.Query(ctx, `SELECT `+tokenColumns+`
FROM alphapulse.api_tokens WHERE $1 OR revoked_at IS NULL ORDER BY name, id`, revoked)
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	return pgx.CollectRows(rows, scanToken)
}

// Revoke ends the token of a name. When it has returned, no process takes it any
// more, unless the database is away from it.
func (t *Tokens) Revoke(ctx context.Context, name string) (Token, error) {
	rows, err := t.db.Query(ctx, `
UPDATE alphapulse.api_tokens SET revoked_at = clock_timestamp() WHERE name = $1 AND revoked_at IS NULL
RETURNING `+tokenColumns, name)
	if err != nil {
		return Token{}, fmt.Errorf("revoking token %s: %w", name, err)
	}
	token, err := pgx.CollectExactlyOneRow(rows, scanToken)
	if errors.Is(err, pgx.ErrNoRows) {
		return Token{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	t.confirmed.forget(token.ID)
	return token, err
}
