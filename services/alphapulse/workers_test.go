package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestWorkers(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Add(t, "main")
	sh := newShell(t, s, "USER=anna")
	require.Contains(t, sh.ok(t, "workers", "list").stdout, "No worker runs.")
	require.Contains(t, sh.ok(t, "workers", "set", "--type", "orders", "--slots", "16", "--lanes", "live").stdout,
		"orders of every worker: 16 slots lanes live (set by anna@")
	require.NoError(t, s.Ledger.SeeWorker(t.Context(), "w1", []ledger.WorkerState{
		{DataType: syncjob.Orders, Slots: 8, MaxSlots: 8, Lanes: []syncjob.Lane{syncjob.Live}},
		{DataType: syncjob.Fills, Slots: 8, MaxSlots: 8, Lanes: []syncjob.Lane{syncjob.Live}, Paused: true},
	}))
	out := sh.ok(t, "workers", "list").stdout
	require.Contains(t, out, "its connections carry 8 of the 16 slots set")
	require.Contains(t, out, "takes no jobs")
	require.Contains(t, sh.ok(t, "status").stdout, "workers: orders of every worker: 16 slots")
	view := decode[workersView](t, sh.ok(t, "workers", "list", "--json"))
	require.Len(t, view.Workers, 2)
	require.EqualValues(t, 16, *view.Settings[0].Slots)
	require.Nil(t, view.Settings[0].Paused)
	set := decode[settingsView](t, sh.ok(t, "workers", "set", "--type", "orders", "--pause", "--json"))
	require.True(t, *set.Settings[0].Paused)
	require.Contains(t, sh.ok(t, "workers", "set", "--type", "orders", "--reset").stdout, "Nothing is set")
	refused := sh.run(t, "workers", "set", "--type", "orders", "--slots", "2000")
	require.Equal(t, exitFailure, refused.code)
	require.Contains(t, refused.stderr, "want 1 to 1024")
	for _, args := range [][]string{
		{"--slots", "8"},
		{"--type", "orders"},
		{"--type", "orders", "--pause", "--resume"},
		{"--type", "orders", "--slots", "8", "--reset"},
	} {
		require.Equal(t, exitUsage, sh.run(t, append([]string{"workers", "set"}, args...)...).code, args)
	}
}
