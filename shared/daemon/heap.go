package daemon

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// heapFloor is what the heap of a busy process may grow to before it is
	// collected, however little of it is alive. Go's own rule, twice what is alive,
	// collects the heap of a process that holds 8 MB ten times a second under load.
	heapFloor = 24 << 20

	// heapBusy is how soon after the last collection the next one comes in a
	// process that is busy. An idle one keeps to Go's rule, and stays small.
	heapBusy = 2 * time.Second

	// heapMost keeps Go's least heap, 4 MB for 100 percent, at the floor.
	heapMost = heapFloor / (4 << 20) * heapUsual

	// heapUsual is Go's own percentage, which applies above the floor.
	heapUsual = 100

	// heapLeast is for a heap below the floor that the usual percentage would take far
	// beyond it, because that counts the stacks of all goroutines as well: a worker with
	// 256 slots at work takes 8 MB less for it.
	heapLeast = 80
)

// heap lets the heap of a busy process grow to a floor before it is collected:
// memory that nobody misses, for a part of the processor time. Above the floor,
// and while the process is idle, Go's usual rule holds.
type heap struct {
	last time.Time
	read []metrics.Sample // what is alive, then the roots that lead to it
}

// FloorHeap begins that for this process, unless GOGC or GOMEMLIMIT say that somebody
// has decided otherwise. It is meant to be called once.
func FloorHeap(env *Env) {
	if heapDecided(env) {
		return
	}

	h := &heap{last: time.Now(), read: []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/globals:bytes"}, {Name: "/gc/scan/stack:bytes"},
	}}
	h.arm()
}

func heapDecided(env *Env) bool {
	_, percent := env.Lookup("GOGC")
	_, limit := env.Lookup("GOMEMLIMIT")

	return percent || limit
}

// collected is found dead by every collection.
type collected struct{ _ *heap }

// arm lets the next collection set the pace of the one after it.
func (h *heap) arm() {
	runtime.AddCleanup(&collected{}, func(h *heap) {
		metrics.Read(h.read)
		live, roots := h.read[0].Value.Uint64(), h.read[1].Value.Uint64()+h.read[2].Value.Uint64()
		debug.SetGCPercent(heapPercent(live, roots, time.Since(h.last)))
		h.last = time.Now()
		h.arm()
	}, h)
}

// heapPercent is how much the heap may grow, in percent of what is alive and of the
// roots that lead to it: so Go counts.
func heapPercent(live, roots uint64, since time.Duration) int {
	if since > heapBusy || live == 0 || live >= heapFloor {
		return heapUsual
	}

	percent := int((heapFloor - live) * 100 / (live + roots)) //nolint:gosec // at most 24 MB

	return min(max(percent, heapLeast), heapMost)
}
