package main

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

const (
	minPostgres    = 140000 // multiranges
	testedPostgres = 150000
	// clockTolerance is how far this machine's clock may be off before doctor
	// speaks of it, and clockLimit from where responses are refused.
	clockTolerance = time.Second
	clockLimit     = 5 * time.Second
)

func (d *doctor) checkPostgres(ctx context.Context) {
	url, ok := d.secret("postgres", databaseSetting)
	if !ok {
		return
	}
	db, err := postgres.Open(ctx, postgres.Config{
		URL: url, Name: "doctor", MaxConns: 1, ConnectTimeout: 3 * time.Second, StatementTimeout: 5 * time.Second, Log: d.log,
	})
	if err != nil {
		d.fail("postgres", "correct DATABASE_URL", "%v", err)
		return
	}
	defer db.Close()
	if err := db.Ping(ctx); err != nil {
		d.fail("postgres", "see that Postgres runs and that DATABASE_URL is right", "%v", err)
		return
	}
	d.checkServer(ctx, db)
	d.checkSchema(ctx, db)
	d.checkPrivileges(ctx, db)
	d.checkReader(ctx, db)
}

// checkServer looks at the server itself.
func (d *doctor) checkServer(ctx context.Context, db *postgres.DB) {
	var version string
	var number int
	var replica, durable bool
	var offset time.Duration
	sent := time.Now()
	err := db.QueryRow(ctx, `
SELECT current_setting('server_version'), current_setting('server_version_num')::integer, pg_is_in_recovery(),
       current_setting('fsync')::boolean AND current_setting('full_page_writes')::boolean,
       clock_timestamp() - $1::timestamptz`, sent).Scan(&version, &number, &replica, &durable, &offset)
	if err != nil {
		d.fail("postgres", "", "asking the server about itself: %v", err)
		return
	}
	switch {
	case number < minPostgres:
		d.fail("postgres version", "use Postgres 15 or newer", "%s is too old", version)
	case number < testedPostgres:
		d.warn("postgres version", "use Postgres 15 or newer", "%s may do, and is not tested", version)
	default:
		d.ok("postgres version", "%s", version)
	}
	if replica {
		d.fail("postgres role", "point DATABASE_URL at the primary, and DATABASE_READ_URL at this server",
			"the server is a replica and takes no writes")
	}
	if !durable {
		d.warn("postgres durability", "turn fsync and full_page_writes on, unless all data may be lost",
			"a power cut can destroy the database: fsync or full_page_writes is off")
	}
	d.clock("postgres clock", offset-time.Since(sent)/2, "the database's")
}

// clock judges how far another clock is ahead of this machine's.
func (d *doctor) clock(check string, ahead time.Duration, whose string) {
	const next = "synchronize both clocks (NTP)"
	switch off := ahead.Abs(); {
	case off > clockLimit:
		d.fail(check, next, "this machine's clock and %s are %s apart", whose, span(off))
	case off > clockTolerance:
		d.warn(check, next, "this machine's clock and %s are %s apart", whose, span(off))
	default:
		d.ok(check, "%s and this machine's are less than %s apart", whose, span(clockTolerance))
	}
}

func (d *doctor) checkSchema(ctx context.Context, db *postgres.DB) {
	if err := db.CheckSchema(ctx); err != nil {
		d.fail("migrations", "`alphapulse migrate` brings an old schema up to date", "%v", err)
		return
	}
	version, err := db.SchemaVersion(ctx)
	if err != nil {
		d.fail("migrations", "", "%v", err)
		return
	}
	d.ok("migrations", "the schema is at version %d, which is this program's", version)
}

// checkPrivileges names the tables that the role may not use as it must.
func (d *doctor) checkPrivileges(ctx context.Context, db *postgres.DB) {
	const check = "postgres privileges"
	var user string
	var usage, create bool
	err := db.QueryRow(ctx, `
SELECT current_user,
       coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = 'alphapulse'), true),
       coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = 'alphapulse'),
                has_database_privilege(current_database(), 'CREATE'))`).Scan(&user, &usage, &create)
	if err != nil {
		d.fail(check, "", "reading the privileges: %v", err)
		return
	}
	if !usage {
		d.fail(check, "GRANT USAGE ON SCHEMA alphapulse TO "+pgx.Identifier{user}.Sanitize(),
			"role %s may not use schema alphapulse", user)
		return
	}
	rows, err := db.Query(ctx, `
SELECT tablename FROM pg_tables
WHERE schemaname = 'alphapulse' AND tablename <> 'schema_version'
  AND NOT (has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')
       AND has_table_privilege(format('%I.%I', schemaname, tablename), 'INSERT')
       AND has_table_privilege(format('%I.%I', schemaname, tablename), 'UPDATE')
       AND has_table_privilege(format('%I.%I', schemaname, tablename), 'DELETE'))
ORDER BY tablename`)
	if err != nil {
		d.fail(check, "", "reading the privileges: %v", err)
		return
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	switch {
	case err != nil:
		d.fail(check, "", "reading the privileges: %v", err)
	case len(missing) > 0:
		d.fail(check, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA alphapulse TO "+
			pgx.Identifier{user}.Sanitize(), "role %s may not read and write %s", user, strings.Join(missing, ", "))
	case !create:
		d.warn(check, "run `alphapulse migrate` as the owner of the schema",
			"role %s may read and write, but not migrate", user)
	default:
		d.ok(check, "role %s may read, write and migrate", user)
	}
}
