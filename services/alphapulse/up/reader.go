package up

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
)

// readerLogin is the login of those who only read. What it may read it has from
// the role alphapulse_reader of the schema.
const readerLogin = "alphapulse_readonly"

// openReader makes the login on a private Postgres, with a password that lasts
// until the next start. On somebody else's server logins are theirs to make.
func (m *machine) openReader(ctx context.Context) error {
	if m.server == nil {
		return nil
	}
	password := pgserver.NewPassword()
	verifier, err := pgserver.Verifier(password)
	if err != nil {
		return err
	}
	err = m.db.InTx(ctx, "reader", func(ctx context.Context, tx pgx.Tx) error {
		var exists bool
		const find = `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`
		if err := tx.QueryRow(ctx, find, readerLogin).Scan(&exists); err != nil {
			return err
		}
		statements := []string{
			"ALTER ROLE " + readerLogin + " LOGIN PASSWORD '" + verifier + "'",
			"ALTER ROLE " + readerLogin + " SET default_transaction_read_only = on",
			"ALTER ROLE " + readerLogin + " SET search_path = alphapulse, public",
			"GRANT alphapulse_reader TO " + readerLogin,
		}
		if !exists {
			statements = append([]string{"CREATE ROLE " + readerLogin + " LOGIN"}, statements...)
		}
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("making the login of those who only read: %w", err)
	}
	m.at.readonly, err = withLogin(m.at.database, readerLogin, password)
	return err
}

func withLogin(databaseURL, login, password string) (string, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", errors.New("the database's address cannot be read") // the cause would show a password
	}
	u.User = url.UserPassword(login, password)
	return u.String(), nil
}
