package api_test

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestSettingsOfWorkersAreSetListedAndReset(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	slots, paused := int32(16), true
	types := []string{"orders", "fills"}
	set, err := c.SetWorkerSettings(t.Context(), &controlv1.SetWorkerSettingsRequest{Types: types, Slots: &slots, By: "anna"})
	require.NoError(t, err)
	require.Len(t, set.GetSettings(), 2)
	set, err = c.SetWorkerSettings(t.Context(), &controlv1.SetWorkerSettingsRequest{
		Types: types[:1], Lanes: []string{"live", "live"}, Paused: &paused, By: "bert",
	})
	require.NoError(t, err)
	require.Len(t, set.GetSettings(), 1)
	one := set.GetSettings()[0]
	require.EqualValues(t, 16, one.GetSlots(), "left as it was set")
	require.Equal(t, []string{"live"}, one.GetLanes())
	require.True(t, one.GetPaused())
	require.Equal(t, "bert", one.GetUpdatedBy())
	_, err = c.SetWorkerSettings(t.Context(), &controlv1.SetWorkerSettingsRequest{Types: types[:1], Worker: "w1", Slots: &slots})
	require.NoError(t, err)
	require.NoError(t, s.Ledger.SeeWorker(t.Context(), "w1", []ledger.WorkerState{
		{DataType: syncjob.Orders, Slots: 8, MaxSlots: 8, Lanes: []syncjob.Lane{syncjob.Live}},
	}))
	s.Exec(t, `INSERT INTO alphapulse.workers (name, data_type, slots, max_slots, lanes, paused, seen_at)
VALUES ('gone', 'orders', 8, 8, '{live}', false, clock_timestamp() - interval '1 minute')`)
	list, err := c.ListWorkerSettings(t.Context(), &controlv1.ListWorkerSettingsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetSettings(), 3)
	require.Len(t, list.GetWorkers(), 1)
	require.Equal(t, "w1", list.GetWorkers()[0].GetName())
	status, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	require.NoError(t, err)
	require.Len(t, status.GetWorkerSettings(), 3)

	set, err = c.SetWorkerSettings(t.Context(), &controlv1.SetWorkerSettingsRequest{Types: types, AsStarted: true})
	require.NoError(t, err)
	require.Empty(t, set.GetSettings())
	list, err = c.ListWorkerSettings(t.Context(), &controlv1.ListWorkerSettingsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetSettings(), 1, "that of one worker stays")

	for reason, requests := range map[string][]*controlv1.SetWorkerSettingsRequest{
		"data type": {{Slots: &slots}, {Types: []string{"probe"}, Slots: &slots}},
		"slots":     {{Types: types, Slots: new(int32)}, {Types: types, Slots: func() *int32 { n := int32(1025); return &n }()}},
		"lane":      {{Types: types, Lanes: []string{"fast"}}},
		"settings":  {{Types: types}, {Types: types, Slots: &slots, AsStarted: true}},
		"reason":    {{Types: types, Slots: &slots, Worker: "a\x00"}},
	} {
		for _, request := range requests {
			_, err := c.SetWorkerSettings(t.Context(), request)
			requireProblem(t, err, connect.CodeInvalidArgument, reason)
		}
	}
}
