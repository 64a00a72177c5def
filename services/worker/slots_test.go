package worker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSlotsAreNeverMoreThanThereAre(t *testing.T) {
	t.Parallel()
	s := newSlots(3)
	require.ElementsMatch(t, []int{0, 1, 2}, s.takeAll(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Nil(t, s.takeAll(ctx))
	s.put(1)
	require.Equal(t, []int{1}, s.takeAll(t.Context()))
	s.put(0, 1, 2)
	require.Nil(t, s.takeAll(ctx), "a worker that stops takes no slot, free or not")
}
