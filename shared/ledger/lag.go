package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Backlog is what the tables know of the open jobs of one consumer. Every open
// job is in exactly one of the counts.
type Backlog struct {
	Consumer  string // <exchange>-<environment>-<data_type>-<lane>
	Published int64  // queued, and the broker has or had its message
	Due       int64  // its time has come, and it is about to be published
	Running   int64  // claimed
	Snoozed   int64  // its time is yet to come
	Held      int64  // it has no time yet: what it waits for has to end first
	// Oldest is since when the oldest of them, held ones left out, is queued; nil
	// if there is none. Age is how long ago that is by the database's clock.
	Oldest *time.Time
	Age    *time.Duration
}

// Backlogs counts the open jobs, consumer by consumer. It reads the open jobs
// alone, by the index that has no others.
func (l *Ledger) Backlogs(ctx context.Context) ([]Backlog, error) {
	return backlogs(ctx, l.db, `alphapulse.sync_jobs WHERE status IN ('queued', 'running', 'waiting')`)
}

// Line is a live queue, and whose jobs wait in it.
type Line struct {
	Consumer string
	DataType syncjob.DataType
}

// servedWithin is how long ago a worker must have said that it serves a queue.
const servedWithin = 15 * time.Second

// OldestInLine is how long the job has been in line that was queued first of those at
// the heads of these live lines; 0 if all are empty. Lines that no worker serves do not
// count: nobody can help them.
func (l *Ledger) OldestInLine(ctx context.Context, lines []Line) (time.Duration, error) {
	const query = `
SELECT coalesce(max(clock_timestamp() - head.queued_at), interval '0')
FROM unnest($1::text[], $2::text[]) AS u (consumer, data_type) CROSS JOIN LATERAL (
    SELECT queued_at FROM alphapulse.sync_jobs
    WHERE consumer = u.consumer AND status = 'queued' AND next_at IS NULL AND stream_seq IS NOT NULL
    ORDER BY stream_created, stream_seq LIMIT 1) head
WHERE EXISTS (SELECT FROM alphapulse.workers w
              WHERE w.data_type = u.data_type AND 'live' = ANY (w.lanes) AND NOT w.paused
                AND w.seen_at > clock_timestamp() - $3::interval)`
	consumers, types := make([]string, len(lines)), make([]string, len(lines))
	for i, line := range lines {
		consumers[i], types[i] = line.Consumer, string(line.DataType)
	}
	var age time.Duration
	if err := l.db.QueryRow(ctx, query, consumers, types, servedWithin).Scan(&age); err != nil {
		return 0, fmt.Errorf("looking at the heads of lines: %w", err)
	}
	return age, nil
}

// MovingBacklogs is Backlogs without the jobs that are held, of which there may
// be a million: it reads the others by indexes that do not have them, and ends
// when a statement takes longer than limit.
func (l *Ledger) MovingBacklogs(ctx context.Context, limit time.Duration) ([]Backlog, error) {
	moving := `(
    SELECT consumer, status, next_at, queued_at FROM alphapulse.sync_jobs
    WHERE status = 'queued' AND next_at IS NULL AND stream_seq IS NOT NULL
    UNION ALL
    SELECT consumer, status, next_at, queued_at FROM alphapulse.sync_jobs
    WHERE status = 'queued' AND next_at IS NULL AND stream_seq IS NULL
    UNION ALL
    SELECT consumer, status, next_at, queued_at FROM alphapulse.sync_jobs
    WHERE status IN ('queued', 'waiting') AND next_at IS NOT NULL AND next_at < 'infinity'
    UNION ALL` + runningJobs(`consumer, status, next_at, queued_at`, `true`) + `) j`
	var found []Backlog
	err := l.db.InTx(ctx, "count moving jobs", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL statement_timeout = %d`, limit.Milliseconds()))
		if err == nil {
			found, err = backlogs(ctx, tx, moving)
		}
		return err
	}, postgres.ReadOnly())
	return found, err
}

// backlogs counts the jobs of a table expression.
func backlogs(ctx context.Context, q querier, jobs string) ([]Backlog, error) {
	const count = `
WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)
SELECT consumer, count(*) FILTER (WHERE status = 'queued' AND next_at IS NULL),
       count(*) FILTER (WHERE status <> 'running' AND next_at <= t.now),
       count(*) FILTER (WHERE status = 'running'),
       count(*) FILTER (WHERE status <> 'running' AND next_at > t.now AND next_at < 'infinity'),
       count(*) FILTER (WHERE status <> 'running' AND next_at = 'infinity'),
       min(queued_at) FILTER (WHERE next_at IS DISTINCT FROM 'infinity'),
       max(t.now) - min(queued_at) FILTER (WHERE next_at IS DISTINCT FROM 'infinity')
FROM t, `
	rows, err := q.Query(ctx, count+jobs+` GROUP BY consumer ORDER BY consumer`)
	if err != nil {
		return nil, fmt.Errorf("counting open jobs: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Backlog])
	if err != nil {
		return nil, fmt.Errorf("counting open jobs: %w", err)
	}
	return found, nil
}

// AccountLag is how old one data type of one account is, against its objective:
// beyond that it is stale.
type AccountLag struct {
	Account   string
	DataType  syncjob.DataType
	Age       *time.Duration // nil: it was never read
	Objective time.Duration
	Stale     bool
}

// AccountLags are the lines of account_freshness, the worst first, and how many
// there are in all.
type AccountLags struct {
	Worst        []AccountLag
	Total, Stale int64
}

// AccountLags lists at most limit data types of an account, or (name "") of all,
// the worst first.
func (l *Ledger) AccountLags(ctx context.Context, name string, limit int) (AccountLags, error) {
	const read = `
WITH lag AS MATERIALIZED (
    SELECT account, data_type, age, stale,
           2 * every * stretch::double precision + interval '15 seconds' AS objective
    FROM alphapulse.account_freshness WHERE $1 = '' OR account = $1
)
SELECT account, data_type, age, objective, stale, count(*) OVER (), count(*) FILTER (WHERE stale) OVER ()
FROM lag
ORDER BY age IS NULL DESC, extract(epoch FROM age) / extract(epoch FROM objective) DESC, account, data_type
LIMIT $2`
	rows, err := l.db.Query(ctx, read, name, limit)
	if err != nil {
		return AccountLags{}, fmt.Errorf("reading freshness: %w", err)
	}
	var out AccountLags
	out.Worst, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (AccountLag, error) {
		var a AccountLag
		err := row.Scan(&a.Account, &a.DataType, &a.Age, &a.Objective, &a.Stale, &out.Total, &out.Stale)
		return a, err
	})
	if err != nil {
		return AccountLags{}, fmt.Errorf("reading freshness: %w", err)
	}
	return out, nil
}
