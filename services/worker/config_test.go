package worker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestConfigNamesEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Config{Types: []syncjob.DataType{"candy"}, Lanes: []syncjob.Lane{"fast"}, Slots: -1, RequestsPerSecond: -1}.complete()
	for _, mistake := range []string{"slots", "name", "egress", "requests per second", `"candy"`, `"fast"`} {
		require.ErrorContains(t, err, mistake)
	}
	cfg, err := Config{Name: "w", Egress: "e"}.complete()
	require.NoError(t, err)
	require.Equal(t, syncjob.Requestable(), cfg.Types)
}

// Without it a fleet whose workers have one type each would never take a key.
func TestRule28EveryWorkerServesProbes(t *testing.T) {
	t.Parallel()
	cfg, err := Config{
		Name: "w", Egress: "e", Types: []syncjob.DataType{syncjob.Balances}, Lanes: []syncjob.Lane{syncjob.Backfill},
	}.complete()
	require.NoError(t, err)
	w := &Worker{cfg: cfg, tuning: newTuning(cfg, 32, nil)}
	served := w.consumers(ledger.Market{Exchange: "bybit", Environment: "testnet"})
	require.Equal(t, map[queue.Consumer]int{
		{Exchange: "bybit", Environment: "testnet", DataType: syncjob.Balances, Lane: syncjob.Backfill}: 8,
		{Exchange: "bybit", Environment: "testnet", DataType: syncjob.Probe, Lane: syncjob.Live}:        probeSlots,
	}, served)
}
