package migrations_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// past is a row of each history of the account and its market.
func (b *book) past() {
	b.t.Helper()
	b.exec(`INSERT INTO alphapulse.balances_history (account_id, wallet, asset, run_id, valid_from)
VALUES ($1, 'unified', 'BTC', $1, now())`, b.account)
	b.exec(`INSERT INTO alphapulse.positions_history (account_id, category, symbol, position_idx, side, scope, run_id, valid_from)
VALUES ($1, 'linear', 'BTCUSDT', 0, 'long', 'linear/USDT', $1, now())`, b.account)
	b.exec(`INSERT INTO alphapulse.orders_history (account_id, category, order_id, symbol, side, status, run_id, valid_from)
VALUES ($1, 'linear', '1', 'BTCUSDT', 'buy', 'open', $1, now())`, b.account)
	b.exec(`INSERT INTO alphapulse.prices_history (market_id, category, symbol, scope, run_id, valid_from)
SELECT market_id, 'linear', 'BTCUSDT', 'linear', $1, now() FROM alphapulse.accounts WHERE id = $1`, b.account)
}

const pastRows = `
SELECT (SELECT count(*) FROM alphapulse.balances_history) + (SELECT count(*) FROM alphapulse.positions_history)
     + (SELECT count(*) FROM alphapulse.orders_history) + (SELECT count(*) FROM alphapulse.prices_history)`

// Runs refer to no account and jobs to no run, so that planning looks nobody up; they go
// with them all the same, and so does what refers to a job.
func TestJobsGoWithTheirRunsAndRunsWithTheirAccount(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	runs := b.texts(`INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger)
SELECT a, '{orders}', 'manual' FROM unnest($1::uuid[]) a RETURNING id::text`, []string{b.account, b.account, b.idle})
	b.exec(`INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts)
SELECT r.id, r.account_id, t, 'live', 'manual', 'c', 3 FROM alphapulse.sync_runs r, unnest('{orders,balances}'::text[]) t`)
	b.exec(`INSERT INTO alphapulse.sync_attempts (claim, job_id, attempt, error_class)
SELECT gen_random_uuid(), id, 1, 'transient' FROM alphapulse.sync_jobs`)
	left := func() []int {
		return []int{
			b.count(`SELECT count(*) FROM alphapulse.sync_runs`), b.count(`SELECT count(*) FROM alphapulse.sync_jobs`),
			b.count(`SELECT count(*) FROM alphapulse.sync_attempts`),
		}
	}
	b.exec(`DELETE FROM alphapulse.sync_runs WHERE id = $1`, runs[0])
	require.Equal(t, []int{2, 4, 4}, left())
	b.exec(`DELETE FROM alphapulse.accounts WHERE id = $1`, b.account)
	require.Equal(t, []int{1, 2, 2}, left())
	b.exec(`DELETE FROM alphapulse.sync_runs`)
	require.Equal(t, []int{0, 0, 0}, left())
}

// Rows of the past refer to nobody, so that writing one looks nobody up; they go with
// their account, or their market, all the same.
func TestThePastGoesWithItsSubject(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.past()
	require.Equal(t, 4, b.count(pastRows))
	b.exec(`DELETE FROM alphapulse.accounts WHERE id = $1`, b.account)
	require.Equal(t, 1, b.count(pastRows), "the prices are of the market")
	b.exec(`DELETE FROM alphapulse.accounts`)
	b.exec(`DELETE FROM alphapulse.markets`)
	require.Zero(t, b.count(pastRows))
}

// What every sync updates is updated on its page: no index is written. Rows are updated
// as syncs do it, so many by one statement, after pages were filled as far as they are.
func TestRowsOfASyncStayOnTheirPage(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	const rows, ofAJob, ofAGroup = 600, 10, 30
	for table, c := range map[string]struct {
		insert, key string
		together    int
	}{
		"sync_scopes": {
			`INSERT INTO alphapulse.sync_scopes (account_id, data_type, scope, as_of, content_hash)
SELECT $1, 'balances', n, now(), sha256(n::text::bytea) FROM generate_series(1, $2::integer) n`,
			`subject_id = $1 AND data_type = 'balances' AND scope`, ofAGroup,
		},
		"sync_state": {
			`INSERT INTO alphapulse.sync_state (account_id, data_type, last_attempt_at, last_success_at, as_of)
SELECT $1, n, now(), now(), now() FROM generate_series(1, $2::integer) n`,
			`subject_id = $1 AND data_type`, ofAGroup,
		},
		"balances": {
			`INSERT INTO alphapulse.balances (account_id, wallet, asset, total, run_id, as_of, observed_at)
SELECT $1, 'unified', n, n * 1.001, $1, now(), now() FROM generate_series(1, $2::integer) n`,
			`account_id = $1 AND wallet = 'unified' AND asset`, ofAJob,
		},
		"positions": {
			`INSERT INTO alphapulse.positions (account_id, category, symbol, position_idx, side, size, scope, run_id, as_of, observed_at)
SELECT $1, 'linear', n, 0, 'long', n * 1.001, 'linear/USDT', $1, now(), now() FROM generate_series(1, $2::integer) n`,
			`account_id = $1 AND category = 'linear' AND position_idx = 0 AND symbol`, ofAJob,
		},
		"prices": {
			`INSERT INTO alphapulse.prices (market_id, category, symbol, last, scope, run_id, as_of, observed_at)
SELECT (SELECT market_id FROM alphapulse.accounts WHERE id = $1), 'linear', n, n * 1.001, 'linear', $1, now(), now()
FROM generate_series(1, $2::integer) n`,
			`market_id = (SELECT market_id FROM alphapulse.accounts WHERE id = $1) AND category = 'linear' AND symbol`, ofAJob,
		},
	} {
		b.exec(`ALTER TABLE alphapulse.` + table + ` SET (autovacuum_enabled = false)`)
		b.exec(c.insert, b.account, rows)
		updates := func(kind string) int {
			b.exec(`SELECT pg_stat_force_next_flush()`)
			return b.count(`SELECT ` + kind + ` FROM pg_stat_user_tables WHERE schemaname = 'alphapulse' AND relname = '` + table + `'`)
		}
		all, hot := updates("n_tup_upd"), updates("n_tup_hot_upd")
		for first := 1; first <= rows; first += c.together {
			b.exec(`UPDATE alphapulse.`+table+` SET as_of = clock_timestamp() WHERE `+c.key+
				` IN (SELECT n::text FROM generate_series($2::integer, $3::integer) n)`, b.account, first, first+c.together-1)
		}
		require.Equal(t, rows, updates("n_tup_upd")-all, table)
		require.GreaterOrEqual(t, updates("n_tup_hot_upd")-hot, rows*9/10, "%s: rows that moved wrote every index", table)
	}
}
