// Package effects counts effects instead of inferring them: an upsert that ran
// twice leaves the same rows as one that ran once. Triggers write down, inside
// each transaction, which data tables it changed (effects.effect_log) and which
// jobs it ended (effects.outcome_log). It is for tests and for the fault matrix;
// no service installs it.
package effects

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed triggers.sql
var triggers string

//go:embed violations.sql
var violations string

// Log is the log of one database.
type Log struct{ url string }

// Install puts the triggers into the database. Do it before the first job: what
// happened earlier is unknown, and succeeded jobs count as breaches.
func Install(ctx context.Context, url string) (*Log, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("installing the effect log: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // one statement was all
	if _, err := conn.Exec(ctx, triggers); err != nil {
		return nil, fmt.Errorf("installing the effect log: %w", err)
	}
	return &Log{url: url}, nil
}

// At is the same log after its server has come back at another address.
func (l *Log) At(url string) *Log { return &Log{url: url} }

// Violations lists every breach of these rules, in words:
//
//   - a succeeded or partial job has exactly one transaction that set its
//     outcome, every other job none;
//   - each transaction that changed data ended a job well;
//   - rows that took on a run id belong to the run of a job ended with them;
//   - a terminal job never changes, no as_of goes back, no order that has ended
//     opens again, and coverage never shrinks.
//
// It may be asked at any time, also while work goes on.
func (l *Log) Violations(ctx context.Context) ([]string, error) {
	var found []string
	err := l.query(ctx, violations, func(rows pgx.Rows) (err error) {
		found, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return found, err
}

// Effects counts what was logged: statements that changed data, and jobs that
// ended well. A test that checks effects should also check that there were any.
func (l *Log) Effects(ctx context.Context) (writes, outcomes int, err error) {
	err = l.query(ctx, `SELECT (SELECT count(*) FROM effects.effect_log),
		(SELECT count(*) FROM effects.outcome_log WHERE to_status IN ('succeeded', 'partial'))`,
		func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&writes, &outcomes}, func() error { return nil })
			return err
		})
	return writes, outcomes, err
}

// query connects anew each time: the log outlives restarts of the server.
func (l *Log) query(ctx context.Context, sql string, read func(pgx.Rows) error) error {
	conn, err := pgx.Connect(ctx, l.url)
	if err != nil {
		return fmt.Errorf("reading the effect log: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it was only read from
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return fmt.Errorf("reading the effect log: %w", err)
	}
	return read(rows)
}
