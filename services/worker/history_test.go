package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// span is one row of a history; to is -1 while it is open. Instants are
// seconds after the test's start.
type span struct {
	value    string
	from, to int
}

// chronicle is a bench whose instants are seconds after its start.
type chronicle struct {
	*bench
	start time.Time
}

func newChronicle(t *testing.T) *chronicle {
	t.Helper()
	return &chronicle{bench: setup(t), start: time.Now().UTC().Truncate(time.Second)}
}

func (c *chronicle) at(second int) time.Time { return c.start.Add(time.Duration(second) * time.Second) }

// order writes an order as the walk of a scope would.
func (c *chronicle) order(scope string, second int, o exchange.Order) snapshot.Tally {
	c.t.Helper()
	o.Category, o.OrderID, o.Symbol, o.Side = "linear", "1", "BTCUSDT", "buy"
	return c.write(scope, second, func(batch *pgx.Batch, stamp snapshot.Stamp, tally *snapshot.Tally) {
		writer := snapshot.NewWriter(ordersTable())
		writer.Upsert(batch, stamp, snapshot.Collect(writer.Table(), []exchange.Order{o}, orderValues), tally)
	})
}

// positions writes a complete walk of a scope that found these sizes of one
// symbol: one, or none.
func (c *chronicle) positions(scope string, second int, sizes ...exchange.Number) snapshot.Tally {
	c.t.Helper()
	var found []exchange.Position
	for _, size := range sizes {
		found = append(found, exchange.Position{Category: "linear", Symbol: "BTCUSDT", Side: "long", Size: size})
	}
	return c.write(scope, second, func(batch *pgx.Batch, stamp snapshot.Stamp, tally *snapshot.Tally) {
		writer := snapshot.NewWriter(positionsTable())
		rows := snapshot.Collect(writer.Table(), found, positionValues)
		writer.Write(batch, []snapshot.Set{{Stamp: stamp, Rows: rows, Whole: true, Tally: tally}})
	})
}

func (c *chronicle) write(
	scope string, second int, queue func(*pgx.Batch, snapshot.Stamp, *snapshot.Tally),
) (tally snapshot.Tally) {
	c.t.Helper()
	stamp := snapshot.Stamp{SubjectID: c.account, RunID: c.account, Scope: scope, AsOf: c.at(second)}
	require.NoError(c.t, c.db.InTx(c.t.Context(), "test", func(ctx context.Context, tx pgx.Tx) error {
		batch := &pgx.Batch{}
		queue(batch, stamp, &tally)
		return tx.SendBatch(ctx, batch).Close()
	}))
	return tally
}

// keys are the keys of the tables with a history.
func keys(table string) string {
	return map[string]string{
		"balances":  "account_id, wallet, asset",
		"positions": "account_id, category, symbol, position_idx",
		"orders":    "account_id, category, order_id",
	}[table]
}

// spans reads a history whole, by key, and checks it.
func (c *chronicle) spans(table, value string) []span {
	c.t.Helper()
	c.contiguous(table)
	rows, err := c.db.Query(c.t.Context(), fmt.Sprintf(`
SELECT %s::text, extract(epoch FROM valid_from - $1)::int, coalesce(extract(epoch FROM valid_to - $1)::int, -1)
FROM alphapulse.%s_history ORDER BY %s, valid_from`, value, table, keys(table)), c.start)
	require.NoError(c.t, err)
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (s span, err error) {
		err = r.Scan(&s.value, &s.from, &s.to)
		return s, err
	})
	require.NoError(c.t, err)
	return list
}

// contiguous checks every key of a history: no interval ends before it begins,
// none reaches into the next, and what is in the table is what is open.
func (c *chronicle) contiguous(table string) {
	c.t.Helper()
	var wrong, open int
	require.NoError(c.t, c.db.QueryRow(c.t.Context(), fmt.Sprintf(`
WITH spans AS (SELECT *, lead(valid_from) OVER (PARTITION BY %[1]s ORDER BY valid_from) AS next
               FROM alphapulse.%[2]s_history)
SELECT (SELECT count(*) FROM spans WHERE valid_to < valid_from OR next < coalesce(valid_to, 'infinity')),
       (SELECT count(*) FROM alphapulse.%[2]s FULL JOIN (SELECT * FROM spans WHERE valid_to IS NULL) h USING (%[1]s)
        WHERE h.valid_from IS NULL OR as_of IS NULL)`, keys(table), table)).Scan(&wrong, &open))
	require.Zero(c.t, wrong, "intervals overlap or run backwards")
	require.Zero(c.t, open, "what is stored and what is open in the history differ")
}

func TestSnapshotsCommittedInReverseOrderLeaveNeitherGapNorOverlap(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		newer, late map[string]string
		want        []span
	}{
		"a change":       {map[string]string{"BTC": "3"}, map[string]string{"BTC": "2"}, []span{{"1", 0, 2}, {"3", 2, -1}}},
		"no change":      {map[string]string{"BTC": "1"}, map[string]string{"BTC": "2"}, []span{{"1", 0, -1}}},
		"a deletion":     {map[string]string{}, map[string]string{"BTC": "2"}, []span{{"1", 0, 2}}},
		"a late absence": {map[string]string{"BTC": "3"}, map[string]string{}, []span{{"1", 0, 2}, {"3", 2, -1}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChronicle(t)
			c.commit(c.scheduled(), c.walked(c.at(0), map[string]string{"BTC": "1"}))
			c.commit(c.scheduled(), c.walked(c.at(2), tc.newer))
			require.Equal(t, syncjob.Skipped, c.commit(c.scheduled(), c.walked(c.at(1), tc.late)).Status)
			require.Equal(t, tc.want, c.spans("balances", "total"))
			require.Equal(t, syncjob.Skipped, c.commit(c.scheduled(), c.walked(c.at(2), tc.late)).Status, "the same as_of")
			require.Equal(t, tc.want, c.spans("balances", "total"))
		})
	}
}

func TestARowThatWentAndCameBackHasAGapOnlyWhereItWasGone(t *testing.T) {
	t.Parallel()
	c := newChronicle(t)
	for second, amount := range []string{"1", "1", "", "", "1", "2", "", "2"} {
		held := map[string]string{"ETH": "7"}
		if amount != "" {
			held["BTC"] = amount
		}
		c.commit(c.scheduled(), c.walked(c.at(second), held))
	}
	require.Equal(t, []span{{"1", 0, 2}, {"1", 4, 5}, {"2", 5, 6}, {"2", 7, -1}, {"7", 0, -1}},
		c.spans("balances", "total"))
}

// What was deleted behind our back left its history open: it comes back as a
// row that changed, not as one that cannot be written.
func TestARowDeletedByHandComesBackWithAnUnbrokenHistory(t *testing.T) {
	t.Parallel()
	c := newChronicle(t)
	c.commit(c.scheduled(), c.walked(c.at(0), map[string]string{"BTC": "1"}))
	c.exec(`DELETE FROM alphapulse.balances`)
	settled := c.commit(c.manual(), c.walked(c.at(5), map[string]string{"BTC": "1"}))
	require.EqualValues(t, 1, settled.Written.Changed)
	require.Equal(t, []span{{"1", 0, 5}, {"1", 5, -1}}, c.spans("balances", "total"))

	c.exec(`INSERT INTO alphapulse.balances (account_id, wallet, asset, total, run_id, as_of, observed_at)
VALUES ($1, 'unified', 'DOGE', 1, $1, $2, $2)`, c.account, c.at(5))
	c.exec(`UPDATE alphapulse.sync_scopes SET content_hash = NULL`)
	c.commit(c.scheduled(), c.walked(c.at(6), map[string]string{"BTC": "1"}))
	require.Equal(t, []span{{"1", 0, 5}, {"1", 5, -1}}, c.spans("balances", "total"), "nobody had ever seen it")
}

// An order's rows come from two scopes, open and closed, each with the time of
// its own reading, and a backfill's may be older than what is stored.
func TestOrdersWrittenByTwoScopesKeepOneUnbrokenHistory(t *testing.T) {
	t.Parallel()
	filled := func(c *chronicle, status string, updated int, quantity exchange.Number) exchange.Order {
		return exchange.Order{Status: status, UpdatedAt: c.at(updated), FilledQuantity: quantity}
	}
	type write struct {
		scope     string
		second    int
		status    string
		updated   int
		filled    exchange.Number
		unchanged bool
	}
	cases := map[string]struct {
		writes []write
		want   []span
	}{
		"the closed walk is later": {
			[]write{{"linear:USDT", 10, "open", 1, "0", false}, {"closed:linear", 20, "filled", 15, "1", false}},
			[]span{{"open", 10, 20}, {"filled", 20, -1}},
		},
		"the closed walk is older": {
			[]write{{"linear:USDT", 10, "open", 1, "0", false}, {"closed:linear", 9, "filled", 1, "1", false}},
			[]span{{"filled", 10, -1}},
		},
		"both are of one instant": {
			[]write{{"linear:USDT", 10, "open", 1, "0", false}, {"closed:linear", 10, "filled", 1, "1", false}},
			[]span{{"filled", 10, -1}},
		},
		"an older one comes after a change": {
			[]write{
				{"linear:USDT", 10, "open", 1, "0", false},
				{"linear:USDT", 20, "partially_filled", 15, "1", false},
				{"closed:linear", 15, "cancelled", 15, "1", false},
				{"linear:USDT", 30, "open", 1, "0", true},
			},
			[]span{{"open", 10, 20}, {"cancelled", 20, -1}},
		},
		"a state that is not further on": {
			[]write{{"closed:linear", 20, "filled", 15, "1", false}, {"linear:USDT", 21, "open", 1, "0", true}},
			[]span{{"filled", 20, -1}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChronicle(t)
			for _, w := range tc.writes {
				tally := c.order(w.scope, w.second, filled(c, w.status, w.updated, w.filled))
				require.Equal(t, w.unchanged, tally.Changed == 0, "%+v", w)
			}
			require.Equal(t, tc.want, c.spans("orders", "status"))
		})
	}
}

// A symbol that moved to another scope, whose walks are read at times of their
// own: it begins there when it ended here, not before.
func TestAPositionThatComesBackInAnEarlierReadingBeginsWhereItEnded(t *testing.T) {
	t.Parallel()
	c := newChronicle(t)
	c.positions("linear:USDT", 5, "1")
	c.positions("linear:USDT", 10)
	c.positions("linear:USDC", 9, "2")
	require.Equal(t, []span{{"1", 5, 10}, {"2", 10, -1}}, c.spans("positions", "size"))
	c.positions("linear:USDC", 10)
	require.Equal(t, []span{{"1", 5, 10}, {"2", 10, 10}}, c.spans("positions", "size"), "it held for no time")
	c.positions("linear:USDC", 10, "3")
	require.Equal(t, []span{{"1", 5, 10}, {"3", 10, -1}}, c.spans("positions", "size"))
}

// What the closed walk does not know, the order keeps, in its history too.
func TestAClosedOrderKeepsItsScopeInTheHistory(t *testing.T) {
	t.Parallel()
	c := newChronicle(t)
	c.order("linear:USDT", 1, exchange.Order{Status: "open", UpdatedAt: c.at(0), Scope: "linear:USDT"})
	c.order("closed:linear", 2, exchange.Order{Status: "filled", UpdatedAt: c.at(1)})
	require.Equal(t, []span{{"linear:USDT", 1, 2}, {"linear:USDT", 2, -1}}, c.spans("orders", "scope"))
	var differ int
	require.NoError(t, c.db.QueryRow(t.Context(), `
SELECT count(*) FROM alphapulse.orders o, alphapulse.orders_at('one', $1) h
WHERE to_jsonb(o) - 'observed_at' <> to_jsonb(h) - '{observed_at,valid_from,valid_to}'::text[]`, c.at(3)).Scan(&differ))
	require.Zero(t, differ, "the present is what orders_at says of now")
}
