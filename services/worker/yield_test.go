package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestBackfillMakesRoomAtOnceAndTakesItBackBitByBit(t *testing.T) {
	t.Parallel()
	y := newYield(queuetest.Discard())
	require.Equal(t, 4, y.slots(16), "it begins with a few")
	for range yieldParts - yieldStart {
		y.see(0)
	}
	require.Equal(t, 16, y.slots(16))
	for _, left := range []int{8, 4, 1, 1} {
		y.see(yieldLate + time.Millisecond)
		require.Equal(t, left, y.slots(16))
	}
	y.see(yieldLate)
	require.Equal(t, 1, y.slots(16), "neither late nor on time: it stays as it is")
	looks := 0
	for ; y.slots(16) < 16; looks++ {
		before := y.slots(16)
		y.see(0)
		require.LessOrEqual(t, y.slots(16)-before, 1)
		require.Less(t, looks, 20)
	}
	require.Greater(t, looks, 15)
	require.Equal(t, 0, y.slots(0), "a queue that is not served gets no slot")
}

// A live job that waits takes slots from lane backfill, whoever would work on it, and
// none from lane live.
func TestALiveJobInLineTakesSlotsFromBackfill(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cfg, err := Config{Name: "me", Egress: "e", Types: []syncjob.DataType{syncjob.Fills}, Slots: 8}.complete()
	require.NoError(t, err)
	held := newHeldRows()
	w := &Worker{
		held: held,
		cfg:  cfg, deps: Deps{Log: queuetest.Discard()}, claims: b.ledger, metrics: newMeasures(nil),
		tuning: newTuning(cfg, 8, queuetest.Discard()), yield: newYield(queuetest.Discard()),
	}
	queues := map[string]*served{}
	for _, lane := range []syncjob.Lane{syncjob.Live, syncjob.Backfill} {
		c := queue.Consumer{Exchange: "bybit", Environment: "testnet", DataType: syncjob.Fills, Lane: lane}
		queues[string(lane)] = &served{consumer: c, slots: newSlots(8)}
	}
	size := func() [2]int { return [2]int{queues["live"].slots.size, queues["backfill"].slots.size} }

	for range yieldParts {
		w.tune(t.Context(), queues)
	}
	require.Equal(t, [2]int{8, 8}, size(), "nothing waits")

	_, _, err = b.ledger.StartManual(t.Context(), b.account, []syncjob.DataType{syncjob.Balances})
	require.NoError(t, err)
	due, err := b.ledger.TakeDue(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	b.exec(`UPDATE alphapulse.sync_jobs SET queued_at = clock_timestamp() - interval '2 seconds' WHERE status = 'queued'`)
	w.tune(t.Context(), queues)
	require.Equal(t, [2]int{8, 8}, size(), "it is not in line yet: no worker could have it")

	require.NoError(t, b.ledger.Confirm(t.Context(), []ledger.Receipt{
		{JobID: due[0].JobID, Publishes: due[0].Publishes, Seq: 1, Created: time.Now()},
	}))
	w.tune(t.Context(), queues)
	require.Equal(t, [2]int{8, 8}, size(), "no worker serves it: to make room is no help")

	require.NoError(t, b.ledger.SeeWorker(t.Context(), "you", []ledger.WorkerState{
		{DataType: syncjob.Balances, Slots: 1, MaxSlots: 1, Lanes: []syncjob.Lane{syncjob.Live}},
	}))
	w.tune(t.Context(), queues)
	require.Equal(t, [2]int{8, 4}, size())

	b.exec(`UPDATE alphapulse.sync_jobs SET status = 'running', claim = gen_random_uuid(), claimed_at = now(), lease_until = now() + interval '10 s',
		timeout_at = now() + interval '60 s', attempt = 1, owner = 'you' WHERE status = 'queued'`)
	w.tune(t.Context(), queues)
	require.Equal(t, [2]int{8, 4}, size(), "4.4 slots")
	for range 10 {
		w.tune(t.Context(), queues)
	}
	require.Equal(t, [2]int{8, 8}, size())

	held.read(queueHeld / 3)
	w.tune(t.Context(), queues)
	require.Equal(t, [2]int{8, 3}, size(), "more would hold too much")
}
