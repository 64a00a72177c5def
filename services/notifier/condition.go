package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The conditions. Each paragraph says when it begins and when it is over; the
// notice of its end comes when it has been over for the hold, 30 s.
const (
	// RunFailed: a manual, initial, backfill, replay or repair run of the last day
	// failed or expired, and no run of the same account has succeeded since. Over
	// when one has.
	RunFailed = "run_failed"
	// SyncFailing: a scheduled data type has failed three times in a row. Over at
	// its next success.
	SyncFailing = "sync_failing"
	// DataStale: a data type of an active account is older than its objective. Over
	// when none of the account's is.
	DataStale = "data_stale"
	// KeyExpiring: a key expires within 14 days; worse at 7 and 1 days and when it
	// has. Over when the account has another key.
	KeyExpiring = "key_expiring"
	// AddressBanned: the exchange answers nobody at an address. Over with the ban.
	AddressBanned = "address_banned"
	// ExchangeUnreachable: three reads in a row could not reach the exchange, for
	// some data type of a market. Over when none is in that state.
	ExchangeUnreachable = "exchange_unreachable"
	// BrokerUnreachable: JetStream has not answered the notifier for 15 s.
	BrokerUnreachable = "broker_unreachable"
	// DatabaseUnreachable: Postgres has refused the notifier three times in a row.
	DatabaseUnreachable = "database_unreachable"
)

// Kinds lists the conditions.
func Kinds() []string {
	return []string{
		RunFailed, SyncFailing, DataStale, KeyExpiring, AddressBanned, ExchangeUnreachable, BrokerUnreachable, DatabaseUnreachable,
	}
}

// condition is one that is in force.
type condition struct {
	Kind, Subject string
	Level         int // higher is worse
	Message       string
	Details       json.RawMessage
}

type key struct{ kind, subject string }

func (c condition) key() key { return key{c.Kind, c.Subject} }

// query reads the conditions of one kind: subject, level, message, details.
type query struct{ kind, sql string }

// queries are cheap when nothing is wrong: each begins at an index of what is.
func queries() []query {
	return []query{
		{RunFailed, `
SELECT coalesce(max(a.name), 'market ' || max(r.subject_id::text)), 0,
       format('%s run %s (last of %s)', (array_agg(r.status ORDER BY r.finished_at DESC))[1],
              (array_agg(r.trigger || ' ' || r.id ORDER BY r.finished_at DESC))[1], count(*)),
       jsonb_build_object('run_id', (array_agg(r.id ORDER BY r.finished_at DESC))[1], 'runs', count(*))
FROM alphapulse.sync_runs r LEFT JOIN alphapulse.accounts a ON a.id = r.account_id
WHERE r.status IN ('failed', 'expired') AND r.trigger IN ('manual', 'initial', 'backfill', 'replay', 'repair')
  AND r.finished_at > (SELECT clock_timestamp() - interval '1 day') AND coalesce(a.status, '') <> 'removed'
  AND NOT EXISTS (SELECT FROM alphapulse.sync_runs s
                  WHERE s.subject_id = r.subject_id AND s.created_at >= r.created_at AND s.status = 'succeeded'
                    AND s.finished_at > r.finished_at AND s.trigger <> 'probe')
GROUP BY r.subject_id`},
		{SyncFailing, `
SELECT coalesce(a.name, m.exchange || ' ' || m.environment) || ' ' || s.data_type, 0,
       format('%s times in a row: %s: %s', s.consecutive_failures, coalesce(s.last_error_class, '?'),
              left(coalesce(s.last_error_message, ''), 300)),
       jsonb_build_object('failures', s.consecutive_failures, 'error_class', s.last_error_class)
FROM alphapulse.sync_state s LEFT JOIN alphapulse.accounts a ON a.id = s.account_id
LEFT JOIN alphapulse.markets m ON m.id = s.market_id
WHERE s.consecutive_failures >= 3 AND s.data_type <> 'probe' AND coalesce(a.status, 'active') = 'active'`},
		{DataStale, `
SELECT account, 0,
       format('%s: the oldest is %s old', string_agg(data_type, ', ' ORDER BY data_type),
              coalesce(date_trunc('second', max(age))::text, 'never read')),
       jsonb_build_object('data_types', jsonb_agg(data_type ORDER BY data_type))
FROM alphapulse.account_freshness
WHERE account_status = 'active' AND every IS NOT NULL AND stale AND as_of IS NOT NULL
GROUP BY account`},
		{KeyExpiring, `
SELECT name, CASE WHEN left_over <= interval '0' THEN 3 WHEN left_over < interval '1 day' THEN 2
                  WHEN left_over < interval '7 days' THEN 1 ELSE 0 END,
       CASE WHEN left_over <= interval '0' THEN 'its key has expired' ELSE 'its key expires on '
            || to_char(key_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC' END,
       jsonb_build_object('key_expires_at', key_expires_at)
FROM (SELECT *, key_expires_at - clock_timestamp() AS left_over FROM alphapulse.accounts
      WHERE key_expires_at < (SELECT clock_timestamp() + interval '14 days') AND status <> 'removed') a`},
		{AddressBanned, `
SELECT e.egress || ' at ' || m.exchange || ' ' || m.environment, 0,
       format('until %s UTC: %s', to_char(e.banned_until AT TIME ZONE 'UTC', 'HH24:MI:SS'), e.reason),
       jsonb_build_object('egress', e.egress, 'until', e.banned_until)
FROM alphapulse.egresses e JOIN alphapulse.markets m ON m.id = e.market_id
WHERE e.banned_until > clock_timestamp()`},
		{ExchangeUnreachable, `
SELECT m.exchange || ' ' || m.environment, 0,
       format('%s data types cannot be read: %s', count(*), left(max(coalesce(s.last_error_message, '')), 300)),
       jsonb_build_object('data_types', count(*), 'market_id', m.id)
FROM alphapulse.sync_state s LEFT JOIN alphapulse.accounts a ON a.id = s.account_id
JOIN alphapulse.markets m ON m.id = coalesce(s.market_id, a.market_id)
WHERE s.consecutive_failures >= 3 AND s.last_error_class = 'transient' AND coalesce(a.status, 'active') = 'active'
GROUP BY m.id`},
	}
}

// inForce reads what is wrong now. A ban makes data stale and runs fail; each is
// told of itself, because each has an end of its own.
func inForce(ctx context.Context, tx pgx.Tx) ([]condition, error) {
	var all []condition
	for _, q := range queries() {
		rows, err := tx.Query(ctx, q.sql)
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", q.kind, err)
		}
		found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (condition, error) {
			c := condition{Kind: q.kind}
			return c, errors.Join(row.Scan(&c.Subject, &c.Level, &c.Message, &c.Details))
		})
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", q.kind, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// standing is a condition as the table has it.
type standing struct {
	condition
	Since  time.Time
	Absent bool
	Over   bool // absent for as long as the hold
}
