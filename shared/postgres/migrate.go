package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/postgres/migrations"
)

const (
	// versionTable is goose's own. It lives in the schema it describes, so that
	// dropping the schema forgets its version too.
	versionTable = "alphapulse.schema_version"
	// migrationLock is the advisory lock that one migrating process holds.
	migrationLock int64 = 0x616c706861 // "alpha"
	// schemaLock guards the creation of the schema, which comes before the
	// table and before goose's own lock.
	schemaLock = migrationLock + 1
	// Goose polls for the lock; a blocking wait would hold a snapshot, against
	// which CREATE INDEX CONCURRENTLY in a migration would wait forever.
	lockPollSeconds, lockPolls = 1, 600
)

// Migrate brings the schema to this program's version. Any number of processes
// may call it at once: one works, the others wait and find nothing to do. Each
// migration is a transaction, so one that fails leaves the version before it.
// A database that a newer program has migrated is refused with ErrSchemaNew.
func Migrate(ctx context.Context, url string, log *logrus.Entry) error {
	return migrateFS(ctx, url, migrations.FS, log)
}

func migrateFS(ctx context.Context, url string, files fs.FS, log *logrus.Entry) error {
	if log == nil {
		log = silentLog()
	}
	target, err := latestVersion(files)
	if err != nil {
		return err
	}
	db, err := openForMigration(url)
	if err != nil {
		return err
	}
	defer db.Close()
	current, err := schemaVersion(ctx, sqlQueryer{db})
	switch {
	case err != nil:
		return err
	case current > target:
		return schemaMismatch(current, target)
	case current == target:
		return nil
	}
	if err := createSchema(ctx, db); err != nil {
		return err
	}
	return applyMigrations(ctx, db, files, log)
}

func openForMigration(url string) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	cfg.RuntimeParams["application_name"] = "alphapulse/migrate"
	cfg.RuntimeParams["search_path"] = searchPath
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.DialFunc = dialer(cfg.ConnectTimeout).DialContext
	return stdlib.OpenDB(*cfg), nil
}

// createSchema asks first: a role that may not create schemas can still
// migrate one that was made for it.
func createSchema(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("creating schema alphapulse: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit there is nothing to roll back
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", schemaLock); err != nil {
		return fmt.Errorf("creating schema alphapulse: waiting for another process: %w", err)
	}
	var exists bool
	if err := tx.QueryRowContext(ctx, "SELECT to_regnamespace('alphapulse') IS NOT NULL").Scan(&exists); err != nil {
		return fmt.Errorf("looking for schema alphapulse: %w", err)
	}
	if !exists {
		if _, err := tx.ExecContext(ctx, "CREATE SCHEMA alphapulse"); err != nil {
			return fmt.Errorf("creating schema alphapulse: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("creating schema alphapulse: %w", err)
	}
	return nil
}

func applyMigrations(ctx context.Context, db *sql.DB, files fs.FS, log *logrus.Entry) error {
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(migrationLock), lock.WithLockTimeout(lockPollSeconds, lockPolls))
	if err != nil {
		return fmt.Errorf("preparing the migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versionTable), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	applied, err := provider.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		applied = partial.Applied
		err = fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
	}
	for _, m := range applied {
		log.WithField("migration", m.Source.Path).WithField("took", m.Duration.String()).Info("schema migrated")
	}
	if err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
}
