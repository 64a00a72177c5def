package pgtest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// bench is a database with one account and one running job per run.
type bench struct {
	db  *postgres.DB
	log *pgtest.EffectLog
}

const (
	account = "00000000-0000-0000-0000-0000000000aa"
	runOne  = "00000000-0000-0000-0000-000000000001"
	runTwo  = "00000000-0000-0000-0000-000000000002"
	jobOne  = "00000000-0000-0000-0000-000000000011"
	jobTwo  = "00000000-0000-0000-0000-000000000012"
)

const fixture = `
INSERT INTO alphapulse.markets (id, exchange, environment, base_url) VALUES ('` + account + `', 'bybit', 'testnet', 'x');
INSERT INTO alphapulse.accounts (id, name, market_id, status) VALUES ('` + account + `', 'main', '` + account + `', 'active');
INSERT INTO alphapulse.sync_runs (id, account_id, requested_types, trigger)
SELECT id::uuid, '` + account + `', '{balances}', 'manual' FROM unnest(ARRAY['` + runOne + `', '` + runTwo + `']) id;
INSERT INTO alphapulse.sync_jobs
    (id, run_id, account_id, data_type, lane, trigger, consumer, max_attempts, status, claim, lease_until)
SELECT job::uuid, run::uuid, '` + account + `', type, 'live', 'manual', 'c', 3, 'running', gen_random_uuid(), now()
FROM (VALUES ('` + jobOne + `', '` + runOne + `', 'balances'), ('` + jobTwo + `', '` + runTwo + `', 'orders')) v (job, run, type);`

const insertBalance = `INSERT INTO alphapulse.balances (account_id, wallet, asset, total, run_id, as_of, observed_at)
	VALUES ('` + account + `', 'unified', 'BTC', 1, '` + runOne + `', now(), now());`

func end(job, status string) string {
	return `UPDATE alphapulse.sync_jobs SET status = '` + status + `', finished_at = now() WHERE id = '` + job + `';`
}

func newBench(t *testing.T) bench {
	t.Helper()
	d := pgtest.New(t)
	b := bench{db: d.Open(t), log: pgtest.InstallEffectLog(t, d.URL)}
	b.commit(t, fixture)
	return b
}

func (b bench) commit(t *testing.T, sql ...string) {
	t.Helper()
	require.NoError(t, b.db.InTx(t.Context(), "test", func(ctx context.Context, tx pgx.Tx) error {
		for _, statement := range sql {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestEffectLogAcceptsWhatIsRight(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.commit(t, end(jobOne, "succeeded"), insertBalance)
	b.commit(t, end(jobTwo, "partial"),
		"UPDATE alphapulse.balances SET usd_value = 5",                                    // in place, under the old run
		"UPDATE alphapulse.balances SET total = 2, run_id = '"+runTwo+"' WHERE total = 1", // a change
		"UPDATE alphapulse.balances SET total = 3 WHERE false",
		"DELETE FROM alphapulse.balances")
	b.log.CheckEffects(t)
	writes, outcomes, err := b.log.Effects(t.Context())
	require.NoError(t, err)
	require.Equal(t, 4, writes, "an insert, two updates and a deletion; the statement without rows is none")
	require.Equal(t, 2, outcomes)
}

func TestEffectLogAcceptsThePurgeOfARemovedAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.commit(t, end(jobOne, "succeeded"), insertBalance)
	b.commit(t, "UPDATE alphapulse.accounts SET status = 'removed'", "DELETE FROM alphapulse.balances")
	b.log.CheckEffects(t)
}

func TestEffectLogFindsEveryBreach(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		transactions [][]string
		want         string
	}{
		"data without an outcome": {[][]string{{insertBalance}}, "INSERT of balances, and no job succeeded in it"},
		"data in another transaction than the outcome": {
			[][]string{{insertBalance}, {end(jobOne, "succeeded")}}, "no job succeeded in it",
		},
		"data of a job that failed": {[][]string{{end(jobOne, "failed"), insertBalance}}, "no job succeeded in it"},
		"data with another run's outcome": {
			[][]string{{end(jobTwo, "succeeded"), insertBalance}}, "are of other runs",
		},
		"a second write of the same data": {
			[][]string{{end(jobOne, "succeeded"), insertBalance}, {"UPDATE alphapulse.balances SET total = total"}},
			"UPDATE of balances, and no job succeeded in it",
		},
		"a deletion on its own": {
			[][]string{{end(jobOne, "succeeded"), insertBalance}, {"DELETE FROM alphapulse.balances"}},
			"DELETE of balances, and no job succeeded in it",
		},
		"an outcome set twice": {
			[][]string{
				{end(jobOne, "succeeded"), insertBalance},
				{`UPDATE alphapulse.sync_jobs SET status = 'running', finished_at = NULL WHERE id = '` + jobOne + `'`},
				{end(jobOne, "succeeded")},
			},
			"2 transactions set that outcome",
		},
		"an outcome that was taken back": {
			[][]string{{end(jobOne, "succeeded")}, {end(jobOne, "failed")}}, "is failed, and 1 transactions",
		},
		"a terminal job that changes": {
			[][]string{{end(jobOne, "failed")}, {`UPDATE alphapulse.sync_jobs SET attempt = 2, announced_at = now()
				WHERE id = '` + jobOne + `'`}},
			`was failed and changed: {"attempt": 0} became {"attempt": 2}`,
		},
		"a scope that goes back in time": {
			[][]string{
				{`INSERT INTO alphapulse.sync_scopes (account_id, data_type, scope, as_of) VALUES ('` + account + `', 'orders', 's', now())`},
				{`UPDATE alphapulse.sync_scopes SET as_of = as_of - interval '1 ms'`},
			},
			"sync_scopes went back from",
		},
		"coverage that shrinks": {
			[][]string{
				{`INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered)
				  VALUES ('` + account + `', 'fills', 's', '{[2026-01-01, 2026-01-02)}')`},
				{`UPDATE alphapulse.sync_coverage SET covered = '{[2026-01-01, 2026-01-01 23:59)}'`},
			},
			"coverage of fills s shrank",
		},
		"an order that opens again": {
			[][]string{
				{end(jobOne, "succeeded"), `INSERT INTO alphapulse.orders (account_id, category, order_id, status, run_id, as_of, observed_at)
					VALUES ('` + account + `', 'spot', 'x', 'filled', '` + runOne + `', now(), now())`},
				{end(jobTwo, "succeeded"), `UPDATE alphapulse.orders SET status = 'open', run_id = '` + runTwo + `'`},
			},
			"order x was filled and became open again",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			for _, statements := range tt.transactions {
				b.commit(t, statements...)
			}
			found, err := b.log.Violations(t.Context())
			require.NoError(t, err)
			require.Contains(t, strings.Join(found, "\n"), tt.want)
			if !strings.HasPrefix(name, "an outcome") { // such a one also changes a terminal job
				require.Len(t, found, 1)
			}
		})
	}
}

func TestEffectLogKnowsAJobThatNobodyEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.commit(t, "ALTER TABLE alphapulse.sync_jobs DISABLE TRIGGER effects_outcome", end(jobOne, "succeeded"))
	found, err := b.log.Violations(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Contains(t, found[0], "0 transactions set that outcome")
}
