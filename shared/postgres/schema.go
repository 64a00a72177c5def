package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/alphapulse/alphapulse/shared/postgres/migrations"
)

// SchemaVersion is the number of the last migration applied; 0 when there is
// no schema yet.
func (db *DB) SchemaVersion(ctx context.Context) (int64, error) {
	return schemaVersion(ctx, db)
}

// CheckSchema returns nil when the database is at this program's version, else
// ErrSchemaOld or ErrSchemaNew with both versions.
func (db *DB) CheckSchema(ctx context.Context) error {
	target, err := latestVersion(migrations.FS)
	if err != nil {
		return err
	}
	current, err := db.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	return schemaMismatch(current, target)
}

func schemaMismatch(current, target int64) error {
	switch {
	case current < target:
		return fmt.Errorf("%w (it is at version %d, this program needs %d)", ErrSchemaOld, current, target)
	case current > target:
		return fmt.Errorf("%w (it is at version %d, this program knows %d)", ErrSchemaNew, current, target)
	}
	return nil
}

type rowQueryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func schemaVersion(ctx context.Context, q rowQueryer) (int64, error) {
	var version int64
	err := q.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable+" WHERE is_applied").Scan(&version)
	switch SQLState(err) {
	case codeUndefinedTable, codeInvalidSchema:
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return version, nil
}

// sqlQueryer lets database/sql, which goose needs, ask the same question.
type sqlQueryer struct{ db *sql.DB }

func (q sqlQueryer) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	return q.db.QueryRowContext(ctx, query, args...)
}

// latestVersion is the highest number among the files.
func latestVersion(files fs.FS) (int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(errors.New("this program was built without migrations"), err)
	}
	var latest int64
	for _, name := range names {
		version, err := goose.NumericComponent(path.Base(name))
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", name, err)
		}
		latest = max(latest, version)
	}
	return latest, nil
}
