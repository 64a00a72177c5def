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
		idle        bool
		want        int
	}{
		{live: mega, want: 600},
		{live: 4 * mega, want: 500},
		{live: 4 * mega, roots: 4 * mega, want: 250},
		{live: 8 * mega, want: 200},
		{live: 8 * mega, roots: 12 * mega, want: 80},
		{live: 14 * mega, roots: 14 * mega, want: 80},
		{live: 20 * mega, want: 80},
		{live: 25 * mega, roots: 14 * mega, want: 100},
		{live: 12 * mega, want: 100},
		{live: 500 * mega, want: 100},
		{live: 4 * mega, idle: true, want: 100},
		{live: 0, want: 100},
	} {
		require.Equal(t, c.want, heapPercent(heapFloor, c.live, c.roots, !c.idle), "%+v", c)
	}
}

// Not in parallel: it changes how the whole process collects.
func TestEachCollectionSetsThePaceOfTheNext(t *testing.T) { //nolint:paralleltest // see above
	before := debug.SetGCPercent(heapUsual)
	defer debug.SetGCPercent(before)

	heap := FloorHeap(NewEnv(nil))

	for range 3 { // each time it is armed anew
		require.Eventually(t, func() bool {
			runtime.KeepAlive(make([]byte, heapBusy)) // it is busy
			runtime.GC()

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
	require.Equal(t, 500, heapPercent(h.floor.Load(), 16<<20, 0, true))
	back()
	require.EqualValues(t, heapFloor, h.floor.Load())

	(*Heap)(nil).Raise(1)() // a program without one
}

// However large a heap is, and however seldom it is collected therefore.
func TestAProcessIsBusyByWhatItAllocates(t *testing.T) {
	t.Parallel()

	begin := time.Now()
	h := &Heap{last: begin, made: 100}
	require.True(t, h.busy(100+heapBusy, begin.Add(time.Second)))
	require.True(t, h.busy(100+31*heapBusy, begin.Add(31*time.Second)))
	require.False(t, h.busy(100+32*heapBusy, begin.Add(33*time.Second)))
	require.True(t, h.busy(100+33*heapBusy, begin.Add(34*time.Second)), "only since the last collection")
}

func TestTheHeapIsLeftToWhoHasDecided(t *testing.T) {
	t.Parallel()

	require.False(t, heapDecided(NewEnv(nil)))
	require.True(t, heapDecided(NewEnv([]string{"GOGC=50"})))
	require.True(t, heapDecided(NewEnv([]string{"GOMEMLIMIT=1GiB"})))
}
