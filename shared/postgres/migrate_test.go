package postgres_test

import (
	"context"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestMigrateByManyAtOnce(t *testing.T) {
	t.Parallel()
	d := pgtest.NewEmpty(t)
	log, book := newLog()
	db := d.Open(t)
	require.ErrorIs(t, db.CheckSchema(t.Context()), postgres.ErrSchemaOld)
	require.ErrorContains(t, db.CheckSchema(t.Context()), "alphapulse migrate")

	const processes = 6
	errs := make(chan error, processes)
	for range processes {
		go func() { errs <- postgres.Migrate(t.Context(), d.URL, log) }()
	}
	for range processes {
		require.NoError(t, <-errs)
	}
	require.NoError(t, db.CheckSchema(t.Context()))
	version, err := db.SchemaVersion(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, version, book.count("schema migrated"), "each migration ran once")
}

func TestMigrateAfterTheSchemaWasDropped(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	db := d.Open(t)
	_, err := db.Exec(t.Context(), "DROP SCHEMA alphapulse CASCADE")
	require.NoError(t, err)
	require.ErrorIs(t, db.CheckSchema(t.Context()), postgres.ErrSchemaOld)
	require.NoError(t, postgres.Migrate(t.Context(), d.URL, nil))
	require.NoError(t, db.CheckSchema(t.Context()))
	require.NoError(t, postgres.Migrate(t.Context(), d.URL, nil), "a second time changes nothing")
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	db := d.Open(t)
	_, err := db.Exec(t.Context(), "INSERT INTO alphapulse.schema_version (version_id, is_applied) VALUES (99999, true)")
	require.NoError(t, err)
	for _, err := range []error{db.CheckSchema(t.Context()), postgres.Migrate(t.Context(), d.URL, nil)} {
		require.ErrorIs(t, err, postgres.ErrSchemaNew)
		require.ErrorContains(t, err, "99999")
	}
}

func TestAFailedMigrationLeavesTheVersionBefore(t *testing.T) {
	t.Parallel()
	d := pgtest.NewEmpty(t)
	files := fstest.MapFS{
		"00001_good.sql": {Data: []byte("-- +goose Up\nCREATE TABLE alphapulse.good ();\n")},
		"00002_bad.sql":  {Data: []byte("-- +goose Up\nCREATE TABLE alphapulse.half ();\nSELECT 1/0;\n")},
	}
	err := postgres.MigrateFS(t.Context(), d.URL, files, nil)
	require.ErrorContains(t, err, "00002_bad.sql")
	db := d.Open(t)
	version, err := db.SchemaVersion(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, version)
	var half bool
	require.NoError(t, db.QueryRow(t.Context(), "SELECT to_regclass('alphapulse.half') IS NOT NULL").Scan(&half))
	require.False(t, half)

	files["00002_bad.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE alphapulse.whole ();\n")}
	require.NoError(t, postgres.MigrateFS(t.Context(), d.URL, files, nil), "a corrected one can follow")
}

// Another process is just creating the schema: this one waits for it, and does
// not fail on what it finds.
func TestMigrateWaitsForAnothersSchema(t *testing.T) {
	t.Parallel()
	d := pgtest.NewEmpty(t)
	db := d.Open(t)
	migrated := make(chan error, 1)
	require.NoError(t, db.InTx(t.Context(), "other process", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", postgres.SchemaLock); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE SCHEMA alphapulse"); err != nil {
			return err
		}
		go func() { migrated <- postgres.Migrate(t.Context(), d.URL, nil) }()
		require.Eventually(t, func() bool {
			var waiting int
			err := db.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
				AND application_name = 'alphapulse/migrate' AND wait_event_type = 'Lock'`).Scan(&waiting)
			return err == nil && waiting == 1
		}, 10*time.Second, time.Millisecond)
		return nil
	}))
	require.NoError(t, <-migrated)
	require.NoError(t, db.CheckSchema(t.Context()))
}
