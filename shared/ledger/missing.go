package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// querier reads, inside a transaction or outside of one.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// span is a stretch of one type's history: what of it is stored and what not.
type span struct {
	Asked    multirange
	Missing  multirange // not stored, still served, and not being read
	Underway multirange // missing, and an open backfill job reads it
	Covered  multirange // stored, and no scope lacks it
	Stored   multirange // stored in any scope
	Horizon  *time.Time // the earliest one known; nil: none is
}

// readSpan asks what of [since, until) of a type's history is missing. An
// instant is missing if any scope that can be read lacks it and, as far as
// known, still has it; without a scope nothing is known and all is missing. The
// newest part is left to the live lane: it cannot be covered before the
// exchange has all its rows, and the next tick reads it anyway. Nor is the
// oldest part missed, which goes out of reach while it would be asked for: a
// horizon is moved on by the hour. A zero since is the beginning of time, a zero
// until now.
func readSpan(
	ctx context.Context, q querier, subjectID string, t syncjob.DataType, since, until time.Time,
) (span, error) {
	const read = `
WITH asked AS (
    SELECT tstzmultirange(tstzrange($3, greatest($3::timestamptz, least($4::timestamptz,
               date_trunc('minute', clock_timestamp() - $5::interval - $6::interval))))) AS span),
open AS (
    SELECT coalesce(range_agg("window"), '{}') AS span FROM alphapulse.sync_jobs
    WHERE subject_id = $1 AND data_type = $2 AND lane = 'backfill' AND trigger = 'backfill'
      AND status IN ('queued', 'running', 'waiting')),
scopes AS (
    SELECT covered, horizon,
           tstzmultirange(tstzrange(horizon + interval '2 hours', NULL))
           * tstzmultirange(tstzrange(NULL, date_trunc('minute', clock_timestamp() - lag - $6::interval))) AS served
    FROM alphapulse.sync_coverage
    WHERE subject_id = $1 AND data_type = $2 AND unreadable IS NULL),
summed AS (
    SELECT a.span AS asked,
           CASE WHEN count(s.covered) = 0 THEN a.span
                ELSE coalesce(range_agg((a.span * s.served) - s.covered), '{}') END AS missing,
           coalesce(range_agg(a.span * s.covered), '{}') AS stored,
           min(s.horizon) AS horizon
    FROM asked a LEFT JOIN scopes s ON true GROUP BY a.span)
SELECT m.asked, m.missing - open.span, m.missing * open.span, m.stored - m.missing, m.stored, m.horizon
FROM summed m, open`
	var s span
	err := q.QueryRow(ctx, read, subjectID, string(t), nullTime(since), nullTime(until), indexingDelay, ticks(t)).
		Scan(&s.Asked, &s.Missing, &s.Underway, &s.Covered, &s.Stored, &s.Horizon)
	if err != nil {
		return span{}, fmt.Errorf("reading the coverage of %s: %w", t, err)
	}
	return s, nil
}

// indexingDelay is how long the exchange may take until a row that exists shows
// in its histories, as long as a scope's own lag is not known.
const indexingDelay = 10 * time.Minute

// ticks is how long it takes until what can be covered certainly is, while all
// goes well.
func ticks(t syncjob.DataType) time.Duration { return 2 * t.Cadence() }
