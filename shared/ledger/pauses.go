package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ErrPauseOver: a pause would end before it begins, or is over already.
var ErrPauseOver = errors.New("a pause must end after it begins, and in the future")

// PauseScope is what a pause stops. What is empty matches everything.
type PauseScope struct {
	MarketID    string
	Exchange    string
	Environment string
	AccountID   string
	Types       []syncjob.DataType
	Lane        syncjob.Lane
}

// typeColumn is one value for each row of the table; "" for every type.
func (s PauseScope) typeColumn() []string {
	if len(s.Types) == 0 {
		return []string{""}
	}
	return typeNames(s.Types)
}

// Pause is a stop in force, or one that is to come.
type Pause struct {
	ID          string
	MarketID    string
	Exchange    string
	Environment string
	AccountID   string
	Account     string // its name
	DataType    string
	Lane        string
	Reason      string
	CreatedBy   string
	From        time.Time
	Until       *time.Time // nil: until somebody resumes it
	InForce     bool
}

const selectPause = `
SELECT p.id, coalesce(p.market_id::text, ''), coalesce(p.exchange, ''), coalesce(p.environment, ''),
       coalesce(p.account_id::text, ''), coalesce(pa.name, ''), coalesce(p.data_type, ''), coalesce(p.lane, ''), p.reason,
       p.created_by, p.starts_at, p.until, ` + pauseInForce + `
FROM alphapulse.pauses p LEFT JOIN alphapulse.accounts pa ON pa.id = p.account_id`

// Pauses lists the pauses in force and those to come, in the order they begin.
func (l *Ledger) Pauses(ctx context.Context) ([]Pause, error) {
	rows, err := l.db.Query(ctx, selectPause+` WHERE `+pauseOpen+` ORDER BY p.starts_at, p.id`)
	if err != nil {
		return nil, fmt.Errorf("listing pauses: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Pause])
}

// NewPause is a pause to be made.
type NewPause struct {
	Scope  PauseScope
	Reason string
	By     string
	From   *time.Time    // nil, or past: now
	Until  *time.Time    // nil: until it is resumed, or For says
	For    time.Duration // from when it begins; 0: Until says
}

// Pause makes one pause for each type of the scope. From when it begins, what it
// matches is neither planned nor claimed: jobs that are in line wait, with no
// attempt counted, and are due when it ends. Jobs that run are not stopped.
// ErrPauseOver if it would be over before it begins.
func (l *Ledger) Pause(ctx context.Context, n NewPause) ([]Pause, error) {
	const insert = `
WITH span AS (SELECT greatest($1::timestamptz, clock_timestamp()) AS starts_at),
ends AS (SELECT starts_at, CASE WHEN $3::interval > interval '0' THEN starts_at + $3 ELSE $2::timestamptz END AS until FROM span)
INSERT INTO alphapulse.pauses
    (market_id, exchange, environment, account_id, data_type, lane, reason, created_by, starts_at, until)
SELECT nullif($4, '')::uuid, nullif($5, ''), nullif($6, ''), nullif($7, '')::uuid, nullif(t.data_type, ''), nullif($9, ''),
       $10, $11, ends.starts_at, ends.until
FROM ends, unnest($8::text[]) AS t (data_type)
WHERE ends.until IS NULL OR ends.until > ends.starts_at
RETURNING id`
	var made []Pause
	err := l.db.InTx(ctx, "pause", func(ctx context.Context, tx pgx.Tx) error {
		s := n.Scope
		rows, err := tx.Query(ctx, insert, n.From, n.Until, n.For, s.MarketID, s.Exchange, s.Environment, s.AccountID,
			s.typeColumn(), string(s.Lane), n.Reason, n.By)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return ErrPauseOver
		}
		made, err = pausesByID(ctx, tx, ids)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("pausing: %w", err)
	}
	return made, nil
}

func pausesByID(ctx context.Context, q querier, ids []string) ([]Pause, error) {
	rows, err := q.Query(ctx, selectPause+` WHERE p.id = ANY ($1::uuid[]) ORDER BY p.starts_at, p.data_type, p.id`, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Pause])
}

// Reach is how much a pause touches.
type Reach struct {
	Schedules int // enabled ones, which it stops
	Jobs      int // open ones, which it makes wait unless they run
}

// PauseReach counts what a pause of a scope would touch now.
func (l *Ledger) PauseReach(ctx context.Context, s PauseScope) (Reach, error) {
	count := fmt.Sprintf(`
WITH p AS (
    SELECT nullif($1, '')::uuid AS market_id, nullif($2, '') AS exchange, nullif($3, '') AS environment,
           nullif($4, '')::uuid AS account_id, nullif(t.data_type, '') AS data_type, nullif($6, '') AS lane
    FROM unnest($5::text[]) AS t (data_type))
SELECT (SELECT count(*) FROM alphapulse.schedules s
        LEFT JOIN alphapulse.accounts a ON a.id = s.account_id
        JOIN alphapulse.markets m ON m.id = coalesce(s.market_id, a.market_id)
        WHERE s.enabled AND EXISTS (SELECT FROM p WHERE %s)),
       (SELECT count(*) FROM alphapulse.sync_jobs j
        LEFT JOIN alphapulse.accounts a ON a.id = j.account_id
        JOIN alphapulse.markets m ON m.id = coalesce(j.market_id, a.market_id)
        WHERE j.status IN ('queued', 'running', 'waiting') AND EXISTS (SELECT FROM p WHERE %s))`,
		pauseMatches("m", "s.account_id", "s.data_type", "'live'"),
		pauseMatches("m", "j.account_id", "j.data_type", "j.lane"))
	var reach Reach
	err := l.db.QueryRow(ctx, count, s.MarketID, s.Exchange, s.Environment, s.AccountID, s.typeColumn(), string(s.Lane)).
		Scan(&reach.Schedules, &reach.Jobs)
	if err != nil {
		return Reach{}, fmt.Errorf("counting what a pause touches: %w", err)
	}
	return reach, nil
}
