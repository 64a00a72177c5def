package migrations_test

import (
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// The reader reads every table but those of secrets, and changes none.
func TestTheReaderReadsAllButSecrets(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	require.Equal(t, []string{"account_credentials", "api_tokens", "idempotency_keys"}, b.texts(`
SELECT relname::text FROM pg_class
WHERE relnamespace = 'alphapulse'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
  AND NOT has_table_privilege('alphapulse_reader', oid, 'SELECT') ORDER BY 1`))
	require.Empty(t, b.texts(`
SELECT relname::text FROM pg_class
WHERE relnamespace = 'alphapulse'::regnamespace AND relkind IN ('r', 'p')
  AND has_table_privilege('alphapulse_reader', oid, 'INSERT, UPDATE, DELETE, TRUNCATE')`))
	require.Empty(t, b.texts(`
SELECT attrelid::regclass || '.' || attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
WHERE c.relnamespace = 'alphapulse'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND attnum > 0 AND NOT attisdropped
  AND attname ~ 'secret|password|sealed|private|token_hash|signing'
  AND has_column_privilege('alphapulse_reader', attrelid, attnum, 'SELECT')`), "a secret that analysts may read")
	b.exec(`SET ROLE alphapulse_reader`)
	b.exec(`SELECT * FROM alphapulse.balances, alphapulse.portfolio`)
	b.exec(`SELECT * FROM alphapulse.balances_at('demo', now())`)
	b.exec(`SELECT name, scopes FROM alphapulse.api_tokens`)
	b.fails("permission denied", `SELECT token_hash FROM alphapulse.api_tokens`)
	b.fails("permission denied", `SELECT sealed FROM alphapulse.account_credentials`)
	b.fails("permission denied", `UPDATE alphapulse.balances SET total = 0`)
	b.exec(`RESET ROLE`)
	b.exec(`CREATE TABLE alphapulse.made_later ()`)
	require.Equal(t, []string{"true"}, b.texts(`SELECT has_table_privilege('alphapulse_reader', 'alphapulse.made_later', 'SELECT')::text`))
}

// Who migrates need not be allowed to make roles, whether the reader is there or
// not.
func TestMigratingWithoutTheRightToMakeRoles(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	admin := server.DB().Open(t)
	exec := func(sql string) {
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	exec(`CREATE ROLE owner LOGIN`)
	for _, database := range []string{"without", "with"} {
		exec(`CREATE DATABASE "` + database + `" OWNER owner`)
		if database == "with" {
			exec(`CREATE ROLE alphapulse_reader NOLOGIN`)
		}
		u, err := url.Parse(server.URL())
		require.NoError(t, err)
		u.User, u.Path = url.User("owner"), "/"+database
		require.NoError(t, postgres.Migrate(t.Context(), u.String(), nil))
		conn, err := pgx.Connect(t.Context(), u.String())
		require.NoError(t, err)
		defer conn.Close(t.Context()) //nolint:errcheck // the test is over
		var exists bool
		require.NoError(t, conn.QueryRow(t.Context(),
			`SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alphapulse_reader')`).Scan(&exists))
		require.Equal(t, database == "with", exists)
		if exists {
			var reads bool
			require.NoError(t, conn.QueryRow(t.Context(),
				`SELECT has_table_privilege('alphapulse_reader', 'alphapulse.balances', 'SELECT')`).Scan(&reads))
			require.True(t, reads)
			_, err = conn.Exec(t.Context(), `SELECT alphapulse.grant_reader()`)
			require.NoError(t, err)
		}
	}
}
