package migrations_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// hold writes a history of two assets: BTC 1 from 0 to 10, gone until 20, 2
// from then on; ETH 5 from 10 on.
func (b *book) hold() {
	b.t.Helper()
	b.exec(`INSERT INTO alphapulse.balances_history (account_id, wallet, asset, total, run_id, valid_from, valid_to)
SELECT $1, 'unified', asset, total, $1, $2::timestamptz + from_s * interval '1 second', $2 + to_s * interval '1 second'
FROM (VALUES ('BTC', 1, 0, 10), ('BTC', 2, 20, NULL), ('ETH', 5, 10, NULL)) v (asset, total, from_s, to_s)`,
		b.account, b.start)
}

func TestBalancesAtGivesWhatHeldAtTheInstant(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.hold()
	for second, want := range map[int][]string{
		-1: {}, 0: {"BTC 1"}, 9: {"BTC 1"}, 10: {"ETH 5"}, 19: {"ETH 5"}, 20: {"BTC 2", "ETH 5"}, 99999: {"BTC 2", "ETH 5"},
	} {
		const held = `SELECT asset || ' ' || total FROM alphapulse.balances_at($1::uuid, $2) ORDER BY asset`
		require.ElementsMatch(t, want, b.texts(held, b.account, b.at(second)), "at %d", second)
		const filter = `SELECT asset || ' ' || total FROM alphapulse.balances_history
WHERE account_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)`
		require.ElementsMatch(t, want, b.texts(filter, b.account, b.at(second)), "at %d", second)
	}
}

func TestAnAccountIsFoundByItsNameOrItsID(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.hold()
	b.exec(`UPDATE alphapulse.balances_history SET valid_from = valid_from - interval '1 minute', valid_to = valid_to - interval '1 minute'`)
	for _, call := range []string{
		`balances_at('demo', now())`, `balances_at('` + b.account + `', now())`, `balances_at('` + b.account + `'::uuid, now())`,
		`balances_at(account => 'demo', at => now())`,
	} {
		require.Equal(t, 2, b.count(`SELECT count(*) FROM alphapulse.`+call), call)
		require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.balances_at('other', now())`), "it has nothing, and is known")
	}
}

func TestWhatNobodyKnowsIsAnErrorAndNotEmpty(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	gone := b.idle
	b.exec(`UPDATE alphapulse.accounts SET status = 'removed', removed_at = now() WHERE id = $1`, gone)
	for _, function := range []string{"balances_at", "positions_at", "orders_at"} {
		from := `SELECT count(*) FROM alphapulse.` + function
		b.fails(`no account is named "nobody"`, from+`('nobody', now())`)
		b.fails(`no account is named "other"`, from+`('other', now())`)
		b.fails(`no account is named "NULL"`, from+`(NULL::text, now())`)
		b.fails(`no account has the id`, from+`(gen_random_uuid(), now())`)
		b.fails(`was removed`, from+`($1::uuid, now())`, gone)
		b.fails(`the time to look at is NULL`, from+`('demo', NULL)`)
		history := function[:len(function)-3] + "_history"
		b.exec(`UPDATE alphapulse.history_retention SET pruned_to = $2 WHERE table_name = $1`, history, b.at(0))
		b.fails(`up to which `+history+` was pruned`, from+`('demo', $1)`, b.at(-1))
		require.Zero(t, b.count(from+`('demo', $1)`, b.at(0)))
	}
}

func TestEveryColumnOfTheLiveTableIsInItsPast(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	for _, table := range []string{"balances", "positions", "orders"} {
		live := b.texts(`SELECT attname || ' ' || atttypid::regtype FROM pg_attribute
WHERE attrelid = ('alphapulse.' || $1)::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, table)
		for _, argument := range []string{"uuid", "text"} {
			past := b.texts(`SELECT name || ' ' || type::regtype FROM pg_proc p, unnest(p.proargnames, p.proallargtypes, p.proargmodes)
     WITH ORDINALITY AS a (name, type, mode, n)
WHERE p.oid = ('alphapulse.' || $1 || '_at(' || $2 || ',timestamptz)')::regprocedure AND mode = 't' ORDER BY n`, table, argument)
			require.Equal(t, append(live, "valid_from timestamp with time zone", "valid_to timestamp with time zone"), past,
				"%s_at(%s)", table, argument)
		}
	}
}

// fill writes a long history: of each of two accounts 20 assets and symbols
// that changed 1,000 times, and 5,000 orders of two states.
func (b *book) fill() {
	b.t.Helper()
	for _, account := range []string{b.account, b.idle} {
		b.exec(`INSERT INTO alphapulse.balances_history (account_id, wallet, asset, total, run_id, valid_from, valid_to)
SELECT $1, 'unified', 'A' || k, n, $1, $2::timestamptz + n * interval '1 second',
       CASE WHEN n < 1000 THEN $2 + (n + 1) * interval '1 second' END
FROM generate_series(1, 1000) n, generate_series(1, 20) k`, account, b.start)
		b.exec(`INSERT INTO alphapulse.positions_history
    (account_id, category, symbol, position_idx, side, size, scope, run_id, valid_from, valid_to)
SELECT $1, 'linear', 'S' || k, 0, 'long', n, 'linear:USDT', $1, $2::timestamptz + n * interval '1 second',
       CASE WHEN n < 1000 THEN $2 + (n + 1) * interval '1 second' END
FROM generate_series(1, 1000) n, generate_series(1, 20) k`, account, b.start)
		b.exec(`INSERT INTO alphapulse.orders_history
    (account_id, category, order_id, symbol, side, status, run_id, valid_from, valid_to)
SELECT $1, 'linear', k, 'S', 'buy', CASE s WHEN 0 THEN 'open' ELSE 'filled' END, $1,
       $2::timestamptz + (2 * k + s) * interval '1 second', CASE s WHEN 0 THEN $2 + (2 * k + 1) * interval '1 second' END
FROM generate_series(1, 5000) k, generate_series(0, 1) s`, account, b.start)
	}
	b.exec(`ANALYZE`)
}

// read gives how many rows of a history a query read, and how often it read the
// table whole.
func (b *book) read(table, query string, args ...any) (answer, rows, whole int) {
	b.t.Helper()
	const read = `
SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'alphapulse' AND relname = $1)::bigint,
       (SELECT seq_scan FROM pg_stat_user_tables WHERE schemaname = 'alphapulse' AND relname = $1)`
	stats := func() (n, seq int) {
		b.exec(`SELECT pg_stat_force_next_flush()`)
		require.NoError(b.t, b.db.QueryRow(b.t.Context(), read, table).Scan(&n, &seq))
		return n, seq
	}
	before, seqBefore := stats()
	answer = b.count(query, args...)
	after, seqAfter := stats()
	return answer, after - before, seqAfter - seqBefore
}

// An instant costs what was there then, not all that ever was.
func TestAnInstantDoesNotReadTheWholeHistory(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.fill()
	for range 7 { // from the sixth on, a prepared statement may use a plan for all values
		for _, tc := range []struct {
			table           string
			second, want, n int
		}{
			{"balances", 500, 20, 200},
			{"balances", 1, 20, 200},
			{"balances", 2000, 20, 200},
			{"positions", 500, 20, 200},
			{"positions", 1, 20, 200},
			{"positions", 2000, 20, 200},
			{"orders", 20, 10, 200},
		} {
			answer, rows, whole := b.read(tc.table+"_history",
				`SELECT count(*) FROM alphapulse.`+tc.table+`_at('demo', $1)`, b.at(tc.second))
			require.Equal(t, tc.want, answer, "%+v", tc)
			require.Zero(t, whole, "%+v reads the whole table", tc)
			require.LessOrEqual(t, rows, tc.n, "%+v", tc)
		}
	}
}

func TestNonsenseOfRetentionIsRefused(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	require.Equal(t, []string{"prices_history"},
		b.texts(`SELECT table_name FROM alphapulse.history_retention WHERE keep IS NOT NULL`), "the others are kept for ever")
	require.Equal(t, 4, b.count(`SELECT count(*) FROM alphapulse.history_retention`))
	for _, keep := range []string{"0", "-30 days", "1 hour", "100000 years"} {
		b.fails("history_retention", `UPDATE alphapulse.history_retention SET keep = $1::text::interval RETURNING 1`, keep)
	}
	b.fails("history_retention", `INSERT INTO alphapulse.history_retention VALUES ('accounts', '1 day') RETURNING 1`)
	b.exec(`UPDATE alphapulse.history_retention SET keep = interval '2 years' WHERE table_name = 'orders_history'`)
}

// The net below the statements: no interval ends before it begins.
func TestAnIntervalThatRunsBackwardsIsRefused(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.hold()
	err := b.db.InTx(t.Context(), "test", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE alphapulse.balances_history SET valid_to = valid_from - interval '1 second'`)
		return err
	})
	require.ErrorContains(t, err, "balances_history_span")
}
