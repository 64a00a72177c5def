package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/migrations"
)

// templateLock keeps test binaries that share a server from making the
// template at once.
const templateLock int64 = 0x70677465737400 // "pgtest"

// templateName depends on the migrations, so that a server which outlives the
// binary never hands out an older schema.
func templateName() (string, error) {
	hash := sha256.New()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return "", fmt.Errorf("listing the migrations: %w", err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			return "", fmt.Errorf("reading migration %s: %w", name, err)
		}
		fmt.Fprintf(hash, "%s %d\n", name, len(content))
		hash.Write(content)
	}
	return "alphapulse_template_" + hex.EncodeToString(hash.Sum(nil))[:12], nil
}

// makeTemplate migrates a database that tests' databases are copied from. It
// is closed to connections afterwards, since one would block every copy; that
// is also the mark of a template that was finished.
func makeTemplate(ctx context.Context, serverURL string) error {
	name, err := templateName()
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return fmt.Errorf("connecting to the test server: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // only its session lock matters
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		return fmt.Errorf("waiting for another test binary: %w", err)
	}
	var finished bool
	err = conn.QueryRow(ctx, "SELECT NOT datallowconn FROM pg_database WHERE datname = $1", name).Scan(&finished)
	if err == nil && finished {
		return nil
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("looking for the template: %w", err)
	}
	return buildTemplate(ctx, conn, serverURL, name)
}

func buildTemplate(ctx context.Context, conn *pgx.Conn, serverURL, name string) error {
	ident := pgx.Identifier{name}.Sanitize()
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + ident + " WITH (FORCE)", "CREATE DATABASE " + ident} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("making the template: %w", err)
		}
	}
	templateURL, err := databaseURL(serverURL, name)
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, templateURL, nil); err != nil {
		return fmt.Errorf("migrating the template: %w", err)
	}
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+ident+" ALLOW_CONNECTIONS false"); err != nil {
		return fmt.Errorf("closing the template: %w", err)
	}
	return awaitUnused(ctx, conn, name)
}

// awaitUnused waits for the sessions of the migration to be gone: a backend
// ends a moment after its client, and sends no signal when it has.
func awaitUnused(ctx context.Context, conn *pgx.Conn, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		var sessions int
		err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = $1", name).Scan(&sessions)
		if err != nil || sessions == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d sessions keep the template in use: %w", sessions, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// databaseURL is the server's URL with another database.
func databaseURL(serverURL, database string) (string, error) {
	u, err := url.Parse(serverURL)
	if err != nil || u.Scheme == "" {
		return "", fmt.Errorf("%s must be a postgres:// URL", URLVariable)
	}
	u.Path = "/" + database
	return u.String(), nil
}
