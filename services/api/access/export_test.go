package access

import (
	"time"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// NewTokensAt is NewTokens with another clock for what was confirmed.
func NewTokensAt(db *postgres.DB, now func() time.Time) *Tokens {
	return &Tokens{db: db, confirmed: newConfirmed(now)}
}
