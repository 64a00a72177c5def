package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// nullTime is NULL for the zero time.
func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// nullText is NULL for the empty text.
func nullText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// notFound turns "no rows" into ErrNotFound and wraps what else went wrong with
// what was looked for.
func notFound(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	var pg *pgconn.PgError
	malformed := errors.As(err, &pg) && (pg.Code == "22P02" || pg.Code == "22021") // no UUID, or no text: it cannot exist
	if errors.Is(err, pgx.ErrNoRows) || malformed {
		return fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	return fmt.Errorf("reading %s: %w", what, err)
}
