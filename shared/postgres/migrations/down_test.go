package migrations_test

import (
	"database/sql"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that goose goes through
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/migrations"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// What a database has, in words: tables, columns, views, functions, indexes and
// constraints.
const inventory = `
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
FROM information_schema.columns WHERE table_schema = 'alphapulse'
UNION ALL SELECT 'view ' || viewname || ' ' || definition FROM pg_views WHERE schemaname = 'alphapulse'
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'alphapulse'
UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'alphapulse'::regnamespace
UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc WHERE pronamespace = 'alphapulse'::regnamespace
ORDER BY 1`

// Each file's Down takes back what its Up did, and no more.
func TestEveryMigrationGoesDownAndUpAgain(t *testing.T) {
	t.Parallel()
	d := pgtest.NewEmpty(t)
	b := &book{t: t, db: d.Open(t)}
	b.exec(`CREATE SCHEMA alphapulse`)
	db, err := sql.Open("pgx", d.URL)
	require.NoError(t, err)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS,
		goose.WithTableName("alphapulse.schema_version"), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	for _, source := range provider.ListSources() {
		before := b.texts(inventory)
		_, err = provider.UpTo(t.Context(), source.Version)
		require.NoError(t, err)
		after := b.texts(inventory)
		_, err = provider.Down(t.Context())
		require.NoError(t, err)
		if len(before) > 0 { // the first file finds no version table
			require.Equal(t, before, b.texts(inventory), "Down of %s", source.Path)
		}
		_, err = provider.UpTo(t.Context(), source.Version)
		require.NoError(t, err)
		require.Equal(t, after, b.texts(inventory), "the second Up of %s", source.Path)
	}
	require.NoError(t, postgres.Migrate(t.Context(), d.URL, nil))
}
