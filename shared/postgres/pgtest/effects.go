package pgtest

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

//go:embed effects.sql
var effectTriggers string

//go:embed violations.sql
var effectViolations string

// EffectLog counts effects instead of inferring them: an upsert that ran twice
// leaves the same rows as one that ran once. Triggers write down, inside each
// transaction, which data tables it changed (effects.effect_log) and which
// jobs it ended (effects.outcome_log).
type EffectLog struct{ url string }

// InstallEffectLog puts the triggers into the database. Do it before the first
// job: what happened earlier is unknown, and succeeded jobs count as breaches.
func InstallEffectLog(t testing.TB, url string) *EffectLog {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // one statement was all
	_, err = conn.Exec(t.Context(), effectTriggers)
	require.NoError(t, err, "installing the effect log")
	return &EffectLog{url: url}
}

// At is the same log after its server has come back at another address.
func (l *EffectLog) At(url string) *EffectLog { return &EffectLog{url: url} }

// Violations lists every breach of these rules, in words:
//
//   - a succeeded or partial job has exactly one transaction that set its
//     outcome, every other job none;
//   - each transaction that changed data ended a job well;
//   - rows that took on a run id belong to the run of a job ended with them.
//
// It may be asked at any time, also while work goes on.
func (l *EffectLog) Violations(ctx context.Context) ([]string, error) {
	var found []string
	err := l.query(ctx, effectViolations, func(rows pgx.Rows) (err error) {
		found, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return found, err
}

// CheckEffects fails t with every violation.
func (l *EffectLog) CheckEffects(t testing.TB) {
	t.Helper()
	found, err := l.Violations(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	if len(found) > 0 {
		t.Fatalf("%d violations of \"effect once\":\n%s", len(found), strings.Join(found, "\n"))
	}
}

// Effects counts what was logged: statements that changed data, and jobs that
// ended well. A test that checks effects should also check that there were any.
func (l *EffectLog) Effects(ctx context.Context) (writes, outcomes int, err error) {
	err = l.query(ctx, `SELECT (SELECT count(*) FROM effects.effect_log),
		(SELECT count(*) FROM effects.outcome_log WHERE to_status IN ('succeeded', 'partial'))`,
		func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&writes, &outcomes}, func() error { return nil })
			return err
		})
	return writes, outcomes, err
}

// query connects anew each time: the log outlives restarts of the server.
func (l *EffectLog) query(ctx context.Context, sql string, read func(pgx.Rows) error) error {
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
