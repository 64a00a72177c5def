package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Coverage is which part of a history is stored, of one scope.
type Coverage struct {
	DataType syncjob.DataType
	Scope    string
	Covered  []Window
	// Missing is what lies between the first instant covered (without any, the
	// time the account was added) and now, is not covered and still served. The
	// newest part does not count: the exchange still adds rows to it, for as long
	// as the scope's lag, and the next tick reads it.
	Missing []Window
	// Horizon is the time before which the exchange serves nothing any more; nil
	// while unknown.
	Horizon *time.Time
	// Unreadable says why the scope cannot be read at all; "" if it can.
	Unreadable string
}

// Coverage reads which parts of an account's histories are stored.
func (l *Ledger) Coverage(ctx context.Context, accountID string) ([]Coverage, error) {
	account, err := l.Account(ctx, accountID)
	if err != nil {
		return nil, err
	}
	const read = `
SELECT c.data_type, c.scope, c.covered,
       CASE WHEN c.unreadable IS NULL AND b.since < b.until
            THEN tstzmultirange(tstzrange(b.since, b.until)) - c.covered ELSE '{}' END,
       c.horizon, coalesce(c.unreadable, '')
FROM alphapulse.sync_coverage c
JOIN unnest($3::text[], $4::interval[]) AS s (data_type, ticks) ON s.data_type = c.data_type,
LATERAL (SELECT greatest(coalesce(lower(c.covered), $2), c.horizon) AS since,
                clock_timestamp() - c.lag - s.ticks AS until) b
WHERE c.subject_id = $1
ORDER BY array_position($3::text[], c.data_type), c.scope`
	var names []string
	var spans []time.Duration
	for _, t := range syncjob.Histories() {
		names, spans = append(names, string(t)), append(spans, ticks(t))
	}
	rows, err := l.db.Query(ctx, read, account.ID, account.CreatedAt, names, spans)
	if err != nil {
		return nil, fmt.Errorf("reading the coverage of account %s: %w", account.Name, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Coverage, error) {
		var c Coverage
		var covered, missing multirange
		err := row.Scan(&c.DataType, &c.Scope, &covered, &missing, &c.Horizon, &c.Unreadable)
		c.Covered, c.Missing = windowsOf(covered), windowsOf(missing)
		return c, err
	})
}
