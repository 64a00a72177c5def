package main

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// checkReader looks whether analysts can be given a login: by the role
// alphapulse_reader, which reads everything but secrets.
func (d *doctor) checkReader(ctx context.Context, db *postgres.DB) {
	const check = "postgres reader"
	var exists, granting bool
	err := db.QueryRow(ctx, `
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alphapulse_reader'),
       EXISTS (SELECT FROM pg_proc WHERE proname = 'grant_reader' AND pronamespace =
               (SELECT oid FROM pg_namespace WHERE nspname = 'alphapulse'))`).Scan(&exists, &granting)
	switch {
	case err != nil:
		d.fail(check, "", "reading the roles: %v", err)
		return
	case !granting:
		return // an old schema, which its own check has named
	case !exists:
		d.warn(check, "as a role that may: CREATE ROLE alphapulse_reader NOLOGIN; then as the owner of the schema: "+
			"SELECT alphapulse.grant_reader()", "there is no role for those who only read: whoever migrated may not make one")
		return
	}
	rows, err := db.Query(ctx, `
SELECT relname::text || ' ' || has_table_privilege('alphapulse_reader', oid, 'SELECT')::text
FROM pg_class
WHERE relnamespace = 'alphapulse'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
  AND has_table_privilege('alphapulse_reader', oid, 'SELECT')
      = (relname IN ('account_credentials', 'api_tokens', 'idempotency_keys'))
ORDER BY 1`)
	if err != nil {
		d.fail(check, "", "reading its privileges: %v", err)
		return
	}
	odd, err := pgx.CollectRows(rows, pgx.RowTo[string])
	var open, closed []string
	for _, line := range odd {
		if name, ok := strings.CutSuffix(line, " true"); ok {
			open = append(open, name)
		} else {
			closed = append(closed, strings.TrimSuffix(line, " false"))
		}
	}
	const next = "as the owner of the schema: SELECT alphapulse.grant_reader()"
	switch {
	case err != nil:
		d.fail(check, "", "reading its privileges: %v", err)
	case len(open) > 0:
		d.fail(check, next, "role alphapulse_reader may read secrets: %s", strings.Join(open, ", "))
	case len(closed) > 0:
		d.warn(check, next, "role alphapulse_reader may not read %s", strings.Join(closed, ", "))
	default:
		d.ok(check, "role alphapulse_reader reads everything but secrets")
	}
}
