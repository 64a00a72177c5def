package daemon

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASmallHeapMayGrowToTheFloorWhileTheProcessIsBusy(t *testing.T) {
	t.Parallel()

	const mega = 1 << 20

	for _, c := range []struct {
		live, roots uint64
		since       time.Duration
		want        int
	}{
		{live: mega, since: time.Second, want: 600},
		{live: 4 * mega, since: time.Second, want: 500},
		{live: 4 * mega, roots: 4 * mega, since: time.Second, want: 250},
		{live: 8 * mega, since: 10 * time.Millisecond, want: 200},
		{live: 8 * mega, roots: 12 * mega, since: 10 * time.Millisecond, want: 80},
		{live: 14 * mega, roots: 14 * mega, since: 10 * time.Millisecond, want: 80},
		{live: 20 * mega, since: 10 * time.Millisecond, want: 80},
		{live: 25 * mega, roots: 14 * mega, since: 10 * time.Millisecond, want: 100},
		{live: 12 * mega, since: time.Millisecond, want: 100},
		{live: 500 * mega, since: time.Millisecond, want: 100},
		{live: 4 * mega, since: time.Minute, want: 100},
		{live: 0, since: time.Millisecond, want: 100},
	} {
		require.Equal(t, c.want, heapPercent(heapFloor, c.live, c.roots, c.since), "%+v", c)
	}
}

// Not in parallel: it changes how the whole process collects.
func TestEachCollectionSetsThePaceOfTheNext(t *testing.T) { //nolint:paralleltest // see above
	before := debug.SetGCPercent(heapUsual)
	defer debug.SetGCPercent(before)

	heap := FloorHeap(NewEnv(nil))

	for range 3 { // each time it is armed anew
		require.Eventually(t, func() bool {
			runtime.GC() // of a process that does it all the time: it is busy

			return debug.SetGCPercent(heapUsual) > heapUsual
		}, 10*time.Second, time.Millisecond, "a busy process with a small heap is collected less often")
	}

	runtime.KeepAlive(heap)
}

func TestAFloorIsRaisedForAWhile(t *testing.T) {
	t.Parallel()

	h := &Heap{}
	h.floor.Store(heapFloor)
	back := h.Raise(96 << 20)
	require.Equal(t, 500, heapPercent(h.floor.Load(), 16<<20, 0, time.Second))
	require.Equal(t, 500, heapPercent(h.floor.Load(), 16<<20, 0, 7*time.Second), "it takes longer to fill")
	require.Equal(t, 100, heapPercent(h.floor.Load(), 16<<20, 0, 9*time.Second))
	back()
	require.EqualValues(t, heapFloor, h.floor.Load())

	(*Heap)(nil).Raise(1)() // a program without one
}

func TestTheHeapIsLeftToWhoHasDecided(t *testing.T) {
	t.Parallel()

	require.False(t, heapDecided(NewEnv(nil)))
	require.True(t, heapDecided(NewEnv([]string{"GOGC=50"})))
	require.True(t, heapDecided(NewEnv([]string{"GOMEMLIMIT=1GiB"})))
}
