package worker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func taken(ctx context.Context, s *slots) []int {
	slots, _ := s.takeAll(ctx)
	return slots
}

func TestSlotsAreNeverMoreThanThereAre(t *testing.T) {
	t.Parallel()
	s := newSlots(3)
	require.Equal(t, []int{0, 1, 2}, taken(t.Context(), s))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Nil(t, taken(ctx, s))
	s.putBack(1)
	s.used()
	s.used()
	require.Equal(t, []int{1}, taken(t.Context(), s))
	s.put(0, 1, 2)
	require.Nil(t, taken(ctx, s), "a worker that stops takes no slot, free or not")
}

func TestSlotsChangeWhileJobsAreInHand(t *testing.T) {
	t.Parallel()
	s := newSlots(2)
	first, shrunk := s.takeAll(t.Context())
	require.Equal(t, []int{0, 1}, first)
	s.resize(4)
	require.Equal(t, []int{2, 3}, taken(t.Context(), s), "more at once")
	select {
	case <-shrunk:
		require.Fail(t, "nothing was taken away")
	default:
	}
	s.resize(1)
	<-shrunk // open fetches end
	fetch, end := endedBy(t.Context(), shrunk)
	defer end()
	<-fetch.Done()
	s.putBack(1, 2, 3)
	s.used()
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan []int)
	go func() { waiting <- taken(ctx, s) }()
	s.put(0)
	require.Equal(t, []int{0}, <-waiting, "and no other")
	s.resize(0)
	s.putBack(0)
	go func() { waiting <- taken(ctx, s) }()
	cancel()
	require.Nil(t, <-waiting, "with none nothing is taken")
	s.resize(3)
	require.Equal(t, []int{0, 1, 2}, taken(t.Context(), s))
}

func TestNoSlotIsFetchedForWhileMoreThanHalfOfThemWaitForJobs(t *testing.T) {
	t.Parallel()
	s := newSlots(8)
	require.Len(t, taken(t.Context(), s), 8)
	for slot := range 3 { // three jobs come and go: five slots still wait
		s.used()
		s.put(slot)
	}
	free, _ := s.takeFree()
	require.Empty(t, free)
	waiting := make(chan []int)
	go func() { waiting <- taken(t.Context(), s) }()
	s.used()
	require.Equal(t, []int{0, 1, 2}, <-waiting, "all that are free, now that half of them wait")
	s.putBack(4, 5, 6, 7, 0, 1, 2)
	require.Len(t, taken(t.Context(), s), 7)
}
