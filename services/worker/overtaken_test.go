package worker

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// TestTwoBackfillsOfOneOrderLeaveOneUnbrokenHistory: the second one has compared before
// the first one commits, and waits for it. What it has read is not thrown away.
func TestTwoBackfillsOfOneOrderLeaveOneUnbrokenHistory(t *testing.T) {
	t.Parallel()
	c := newChronicle(t)
	order := func(status string, updated int, filled exchange.Number) exchange.Order {
		return exchange.Order{
			Category: "linear", OrderID: "1", Symbol: "BTCUSDT", Side: "buy",
			Status: status, UpdatedAt: c.at(updated), FilledQuantity: filled,
		}
	}
	c.order("closed:linear", -100, order("open", -90, "0"))
	window := ledger.Window{From: c.at(-3600), To: c.at(0)}
	job := c.job(syncjob.Orders, syncjob.Repair, syncjob.Backfill, &window, "")
	closed := newPast(ordersTable(), closedPrefix, orderValues)
	read := func(_ context.Context, scope exchange.Scope, _ exchange.Window) exchange.Snapshot[exchange.Order] {
		return exchange.Snapshot[exchange.Order]{
			Scope: scope, AsOf: c.at(0), Complete: true, Rows: []exchange.Order{order("filled", -10, "2")},
		}
	}
	second := closed.walk(t.Context(), c.attempt(job), fillHistory(0), read)

	settled := make(chan ledger.Settled, 1)
	require.NoError(t, c.db.InTx(t.Context(), "the first", func(ctx context.Context, tx pgx.Tx) error {
		batch := &pgx.Batch{}
		writer := snapshot.NewWriter(ordersTable())
		stamp := snapshot.Stamp{SubjectID: c.account, RunID: c.account, Scope: "closed:linear", AsOf: c.at(-50)}
		rows := snapshot.Collect(writer.Table(), []exchange.Order{order("partially_filled", -60, "1")}, orderValues)
		writer.Upsert(batch, stamp, rows, &snapshot.Tally{})
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		go func() {
			defer close(settled)
			settled <- c.commit(job, second)
		}()
		require.Eventually(t, func() bool {
			return c.value(`SELECT count(*)::text FROM pg_stat_activity
				WHERE wait_event_type = 'Lock' AND datname = current_database()`) == "1"
		}, 20*time.Second, 10*time.Millisecond, "the second one waits for the first")
		return nil
	}))
	require.Equal(t, syncjob.Succeeded, (<-settled).Status)
	require.Equal(t, []span{{"open", -100, -50}, {"partially_filled", -50, 0}, {"filled", 0, -1}}, c.spans("orders", "status"))
}
