package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// orderDesk is an exchange's orders as far as a test needs them: one scope of open
// ones, one category of closed ones, and what a look-up finds.
type orderDesk struct {
	exchange.Prober
	open   exchange.Snapshot[exchange.Order]
	closed []exchange.Order
	found  map[string]exchange.Order
	asked  []string
	before func() // is called when the open orders are read
}

func (d *orderDesk) OpenOrderScopes() []exchange.Scope { return []exchange.Scope{"linear:USDT"} }

func (d *orderDesk) OpenOrders(_ context.Context, scope exchange.Scope) exchange.Snapshot[exchange.Order] {
	if d.before != nil {
		d.before()
	}
	snap := d.open
	snap.Scope, snap.AsOf = scope, time.Now()
	return snap
}

func (d *orderDesk) Order(_ context.Context, known exchange.Order) (exchange.Order, bool, *exchange.Error) {
	d.asked = append(d.asked, known.OrderID)
	order, ok := d.found[known.OrderID]
	return order, ok, nil
}

func (d *orderDesk) ClosedOrderHistories() []exchange.History {
	return []exchange.History{{Scope: "linear", Window: week, Lag: 10 * time.Minute}}
}

func (d *orderDesk) ClosedOrders(
	_ context.Context, scope exchange.Scope, w exchange.Window,
) exchange.Snapshot[exchange.Order] {
	snap := exchange.Snapshot[exchange.Order]{Scope: scope, AsOf: time.Now(), Complete: true}
	for _, o := range d.closed {
		if !o.UpdatedAt.Before(w.From) && o.UpdatedAt.Before(w.To) {
			snap.Rows = append(snap.Rows, o)
		}
	}
	return snap
}

func order(id, status string, updated time.Time) exchange.Order {
	return exchange.Order{
		Category: "linear", OrderID: id, Symbol: "BTCUSDT", Side: "buy", Status: status, Quantity: "1",
		CreatedAt: updated.Add(-time.Minute), UpdatedAt: updated, Scope: "linear:USDT",
	}
}

// syncOrders reads and commits orders as a manual job would.
func (b *bench) syncOrders(d *orderDesk, forgottenAfter time.Duration) ledger.Settled {
	b.t.Helper()
	job := b.job(syncjob.Orders, syncjob.Manual, syncjob.Live, nil, "")
	a := b.attempt(job)
	a.account = d
	return b.commit(job, newOrdersReader(forgottenAfter).read(b.t.Context(), a))
}

func (b *bench) statusOf(id string) string {
	b.t.Helper()
	return b.value(`SELECT status FROM alphapulse.orders WHERE order_id = $1`, id)
}

func complete(orders ...exchange.Order) exchange.Snapshot[exchange.Order] {
	return exchange.Snapshot[exchange.Order]{Complete: true, Rows: orders}
}

func TestAVanishedOrderIsLookedUpAndNeverAssumed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	d := &orderDesk{open: complete(order("stays", "open", now), order("filled", "open", now), order("lost", "open", now))}
	b.syncOrders(d, time.Hour)
	require.Empty(t, d.asked)

	d.open = complete(order("stays", "open", now))
	d.found = map[string]exchange.Order{"filled": order("filled", "filled", now)}
	b.syncOrders(d, time.Hour)
	require.ElementsMatch(t, []string{"filled", "lost"}, d.asked)
	require.Equal(t, "open", b.statusOf("stays"))
	require.Equal(t, "filled", b.statusOf("filled"))
	require.Equal(t, "unknown", b.statusOf("lost"), "its history may lag")

	d.asked = nil
	b.syncOrders(d, time.Hour)
	require.Equal(t, []string{"lost"}, d.asked)
	require.Equal(t, "unknown", b.statusOf("lost"), "not for long enough")
	b.syncOrders(d, time.Nanosecond)
	require.Equal(t, "cancelled_inferred", b.statusOf("lost"))
}

// Of a walk that broke off nothing can be said to have vanished, nor of an order
// that came and was not understood.
func TestOrdersVanishFromCompleteWalksOnly(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for name, open := range map[string]exchange.Snapshot[exchange.Order]{
		"broken off": {Err: &exchange.Error{Class: exchange.Incomplete, Message: "the cursor led back"}},
		"bad row":    {Complete: true, Faults: []exchange.RowFault{{Key: order("1", "", now).Key(), Reason: "no number"}}},
		"keyless":    {Complete: true, Faults: []exchange.RowFault{{Reason: "no id"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			d := &orderDesk{open: complete(order("1", "open", now))}
			b.syncOrders(d, time.Hour)
			d.open = open
			b.syncOrders(d, time.Hour)
			require.Empty(t, d.asked)
			require.Equal(t, "open", b.statusOf("1"))
		})
	}
}

// An order that was open and ends before the next reading may be filed by when it
// was made. So closed orders are stored and count as nothing while open ones could
// not be read.
func TestClosedOrdersCountOnlyBesideOpenOnes(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Millisecond)
	covered := func(open exchange.Snapshot[exchange.Order]) string {
		b := setup(t)
		b.syncOrders(&orderDesk{open: open, closed: []exchange.Order{order("old", "filled", now.Add(-time.Hour))}}, time.Hour)
		require.Equal(t, "filled", b.statusOf("old"), "stored all the same")
		return b.value(`SELECT coalesce((SELECT NOT isempty(covered) FROM alphapulse.sync_coverage), false)::text`)
	}
	require.Equal(t, "true", covered(complete()))
	unread := &exchange.Error{Class: exchange.Incomplete, Message: "the cursor led back"}
	require.Equal(t, "false", covered(exchange.Snapshot[exchange.Order]{Err: unread}))
	require.Equal(t, "true", covered(exchange.Snapshot[exchange.Order]{
		Err: &exchange.Error{Class: exchange.Unsupported, Message: "the account has none"},
	}), "there are none that could be missed")
}

// The database failed between the open orders and the closed ones: the job waits,
// and does not end as if there were no closed ones.
func TestAHistoryThatCannotBePlannedIsAFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := &orderDesk{open: complete(), before: func() { b.exec(`ALTER TABLE alphapulse.sync_coverage RENAME TO gone`) }}
	job := b.job(syncjob.Orders, syncjob.Manual, syncjob.Live, nil, "")
	a := b.attempt(job)
	a.account = d
	r := newOrdersReader(time.Hour).read(t.Context(), a)
	require.NotNil(t, r.fault)
	require.Equal(t, classDatabase, r.fault.Class)
	require.Equal(t, syncjob.Waiting, judge(job, r, time.Now()).outcome.Status)
}

func TestAnOrderIsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	cfg, err := Config{Name: "w", Egress: "e"}.complete()
	require.NoError(t, err)
	require.Greater(t, cfg.ForgottenAfter, 24*time.Hour, "until then an unfilled order that was cancelled is in the history")
	require.Equal(t, cfg.ForgottenAfter, readers(cfg)[syncjob.Orders].(*ordersReader).forgottenAfter)
}

// How long an order has been gone is told by the database's clock: its row was
// observed by that one.
func TestTheDatabasesClockDecidesWhenAnOrderIsForgotten(t *testing.T) {
	t.Parallel()
	database := time.Now().Add(-time.Hour)
	a := &attempt{job: &ledger.Claimed{ClaimedAt: database}, claimedAt: time.Now()}
	require.WithinDuration(t, database, a.now(), time.Minute)
	lookUp := func(observed time.Time) string {
		stored := storedOrder{Order: order("1", "unknown", database), ObservedAt: observed, Written: true}
		w := ordersWalk{ordersReader: &ordersReader{forgottenAfter: 30 * time.Minute}, a: a}
		snap := complete()
		require.True(t, w.lookUp(t.Context(), &orderDesk{}, stored, &snap))
		return snap.Rows[0].Status
	}
	require.Equal(t, "unknown", lookUp(database))
	require.Equal(t, "cancelled_inferred", lookUp(database.Add(-time.Hour)))
}

func TestAnOrdersStateMovesForwardOnly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stored, came string
		later        time.Duration // of what came
		want         string
	}{
		"further on":                   {"open", "partially_filled", 0, "partially_filled"},
		"back, at the same time":       {"filled", "open", 0, "filled"},
		"back, at a later time":        {"cancelled", "partially_filled", time.Second, "cancelled"},
		"further on, of an older time": {"partially_filled", "filled", -time.Second, "partially_filled"},
		"inferred gives way":           {"cancelled_inferred", "open", 0, "open"},
		"unknown gives way":            {"unknown", "open", 0, "open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChronicle(t)
			c.order("linear:USDT", 1, exchange.Order{Status: test.stored, UpdatedAt: c.at(0)})
			c.order("linear:USDT", 2, exchange.Order{Status: test.came, UpdatedAt: c.at(0).Add(test.later)})
			require.Equal(t, test.want, c.statusOf("1"))
		})
	}
}
