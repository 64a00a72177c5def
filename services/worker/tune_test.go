package worker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestWhatWasSetForAWorkerGoesBeforeWhatWasSetForAll(t *testing.T) {
	t.Parallel()
	cfg, err := Config{Name: "me", Egress: "e", Types: []syncjob.DataType{syncjob.Orders, syncjob.Fills}, Slots: 2}.complete()
	require.NoError(t, err)
	tuning := newTuning(cfg, 10, queuetest.Discard())
	slots := func(dataType syncjob.DataType, lane syncjob.Lane) int {
		return tuning.slotsOf(queue.Consumer{DataType: dataType, Lane: lane})
	}
	four, six, many := 4, 6, 1000
	yes, no := true, false
	for _, c := range []struct {
		name           string
		settings       []ledger.WorkerSetting
		live, backfill int // of orders
	}{
		{"as it was started", nil, 2, 2},
		{"for all", []ledger.WorkerSetting{{DataType: syncjob.Orders, Slots: &four}}, 4, 4},
		{"of another type", []ledger.WorkerSetting{{DataType: syncjob.Balances, Slots: &four}}, 2, 2},
		{"of another worker", []ledger.WorkerSetting{{DataType: syncjob.Orders, Worker: "you", Slots: &four}}, 2, 2},
		{"its own, whatever the order", []ledger.WorkerSetting{
			{DataType: syncjob.Orders, Worker: "me", Slots: &six}, {DataType: syncjob.Orders, Slots: &four, Lanes: []syncjob.Lane{syncjob.Live}},
		}, 6, 0},
		{"more than its connections carry", []ledger.WorkerSetting{{DataType: syncjob.Orders, Slots: &many}}, 10, 10},
		{"no job", []ledger.WorkerSetting{{DataType: syncjob.Orders, Paused: &yes}}, 0, 0},
		{"but this one", []ledger.WorkerSetting{
			{DataType: syncjob.Orders, Paused: &yes}, {DataType: syncjob.Orders, Worker: "me", Paused: &no},
		}, 2, 2},
		{"the other lane", []ledger.WorkerSetting{{DataType: syncjob.Orders, Lanes: []syncjob.Lane{syncjob.Backfill}}}, 0, 2},
	} {
		tuning.apply(c.settings)
		require.Equal(t, c.live, slots(syncjob.Orders, syncjob.Live), c.name)
		require.Equal(t, c.backfill, slots(syncjob.Orders, syncjob.Backfill), c.name)
		require.Equal(t, 2, slots(syncjob.Fills, syncjob.Live), c.name)
		require.Equal(t, probeSlots, slots(syncjob.Probe, syncjob.Live), c.name)
	}
	tuning.apply([]ledger.WorkerSetting{{DataType: syncjob.Orders, Slots: &many}})
	require.Equal(t, []ledger.WorkerState{
		{DataType: syncjob.Orders, Slots: 10, MaxSlots: 10, Lanes: cfg.Lanes},
		{DataType: syncjob.Fills, Slots: 2, MaxSlots: 10, Lanes: cfg.Lanes},
	}, tuning.states())
}
