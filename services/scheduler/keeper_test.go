package scheduler

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStretchIsLoggedWhenItChanges(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, hook := f.scheduler(Config{Budget: 1})
	f.accounts(5)
	f.exec(`UPDATE alphapulse.schedules SET enabled = true, every = interval '1 s'`)
	for range 3 {
		_, err := s.stretching.step(t.Context())
		require.NoError(t, err)
	}
	lines := messagesOf(hook, "above the budget")
	require.Len(t, lines, 1)
	require.Greater(t, lines[0].Data["factor"], 10.0)

	f.exec(`UPDATE alphapulse.schedules SET every = interval '1 day'`)
	for range 3 {
		_, err := s.stretching.step(t.Context())
		require.NoError(t, err)
	}
	require.Len(t, messagesOf(hook, "within the budget again"), 1)
}

func TestConfigNamesEveryMistake(t *testing.T) {
	t.Parallel()
	err := Config{Budget: -1, Batch: 1 << 20, Poll: -1}.Validate()
	require.ErrorContains(t, err, "budget")
	require.ErrorContains(t, err, "batch")
	require.ErrorContains(t, err, "interval")
	require.NoError(t, DefaultConfig().Validate())
}

func TestKeepingAnEmptyHouse(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	for _, l := range []*loop{s.purging, s.pruning, s.stretching, s.sweeping, s.holding, s.stewarding, s.lining} {
		wait, err := l.step(t.Context())
		require.NoError(t, err, l.name)
		require.Positive(t, wait, l.name)
	}
}
