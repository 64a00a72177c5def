package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/broker"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestDurabilitySaysWhatAPowerLossTakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		of         queue.Durability
		yes, known bool
		says       string
	}{
		"three copies":       {queue.Durability{Copies: 3}, true, true, "SYNC_JOBS has 3 copies"},
		"written first":      {queue.Durability{Copies: 1, Flushing: queue.Flushing{Known: true, Always: true}}, true, true, "sync_interval: always"},
		"one copy, later":    {queue.Durability{Copies: 1, Flushing: queue.Flushing{Known: true, Interval: 2 * time.Minute}}, false, true, "of the last 2m0s"},
		"two copies":         {queue.Durability{Copies: 2, Flushing: queue.Flushing{Known: true, Interval: time.Second}}, false, true, "2 copies"},
		"one copy, not told": {queue.Durability{Copies: 1}, false, false, "not shown to clients"},
	} {
		yes, known := test.of.Survives()
		require.Equal(t, test.yes, yes, name)
		require.Equal(t, test.known, known, name)
		require.Contains(t, test.of.String(), test.says, name)
		require.NotContains(t, test.of.String(), "%!", name)
	}
}

func TestDurabilityIsAskedOfTheBroker(t *testing.T) {
	t.Parallel()
	s := queuetest.New(t)
	q := s.Connect(s.Config())
	_, err := q.Durability(t.Context())
	require.ErrorIs(t, err, queue.ErrStreamMissing)
	_, err = q.EnsureStreams(t.Context())
	require.NoError(t, err)
	d, err := q.Durability(t.Context())
	require.NoError(t, err)
	require.Equal(t, queue.Durability{Copies: 1}, d)
	note, err := q.DurabilityNote(t.Context())
	require.NoError(t, err)
	require.Contains(t, note, "one copy")
}

func TestABrokerSaysWhenItWrites(t *testing.T) {
	t.Parallel()
	for always, want := range map[bool]time.Duration{true: 0, false: 2 * time.Minute} {
		b, err := broker.Start(t.Context(), broker.Config{StoreDir: t.TempDir(), SyncAlways: always, Log: queuetest.Discard()})
		require.NoError(t, err)
		require.Equal(t, want, b.SyncInterval())
		require.NoError(t, b.Stop())
	}
}
