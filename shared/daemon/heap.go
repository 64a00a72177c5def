package daemon

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	// heapFloor is what the heap of a busy process may grow to before it is
	// collected, however little of it is alive, if it does not say otherwise. Go's own
	// rule, twice what is alive, collects the heap of a process that holds 8 MB ten times
	// a second under load.
	heapFloor = 24 << 20

	// heapBusy is how many bytes a second a process allocates that is busy. An idle one
	// keeps to Go's rule, and stays small.
	heapBusy = 4 << 20

	// heapMin is the least that Go lets a heap grow to, at 100 percent.
	heapMin = 4 << 20

	// heapUsual is Go's own percentage, which applies above the floor.
	heapUsual = 100

	// heapLeast is for a heap below the floor that the usual percentage would take far
	// beyond it, because that counts the stacks of all goroutines as well: a worker with
	// 256 slots at work takes 8 MB less for it.
	heapLeast = 80
)

// Heap lets the heap of a busy process grow to a floor before it is collected:
// memory that nobody misses, for a part of the processor time. Above the floor,
// and while the process is idle, Go's usual rule holds.
type Heap struct {
	floor atomic.Uint64
	last  time.Time
	made  uint64           // bytes that had been allocated by then
	read  []metrics.Sample // what is alive, then the roots that lead to it, then what was allocated
}

// FloorHeap begins that for this process, unless GOGC or GOMEMLIMIT say that somebody
// has decided otherwise. It is meant to be called once.
func FloorHeap(env *Env) *Heap {
	h := &Heap{last: time.Now(), read: []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/scan/globals:bytes"},
		{Name: "/gc/scan/stack:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
	}}
	h.floor.Store(heapFloor)

	if !heapDecided(env) {
		h.arm()
	}

	return h
}

// Raise lets the heap grow to a higher floor, from the next collection on, until back
// is called: for a process that may take more memory than a worker. Nil has none.
func (h *Heap) Raise(floor uint64) (back func()) {
	if h == nil {
		return func() {}
	}

	before := h.floor.Swap(floor)

	return func() { h.floor.Store(before) }
}

func heapDecided(env *Env) bool {
	_, percent := env.Lookup("GOGC")
	_, limit := env.Lookup("GOMEMLIMIT")

	return percent || limit
}

// collected is found dead by every collection.
type collected struct{ _ *Heap }

// arm lets the next collection set the pace of the one after it.
func (h *Heap) arm() {
	runtime.AddCleanup(&collected{}, func(h *Heap) {
		metrics.Read(h.read)
		live, roots := h.read[0].Value.Uint64(), h.read[1].Value.Uint64()+h.read[2].Value.Uint64()
		debug.SetGCPercent(heapPercent(h.floor.Load(), live, roots, h.busy(h.read[3].Value.Uint64(), time.Now())))
		h.arm()
	}, h)
}

// busy reports how the process was since the last collection, given all that it has ever
// allocated.
func (h *Heap) busy(made uint64, now time.Time) bool {
	rate := float64(made-h.made) / now.Sub(h.last).Seconds()
	h.made, h.last = made, now

	return rate >= heapBusy
}

// heapPercent is how much the heap may grow, in percent of what is alive and of the
// roots that lead to it: so Go counts.
func heapPercent(floor, live, roots uint64, busy bool) int {
	if !busy || live == 0 || live >= floor {
		return heapUsual
	}

	percent := (floor - live) * 100 / (live + roots)
	most := floor / heapMin * heapUsual // Go's least heap would lie above the floor

	return int(min(max(percent, heapLeast), most)) //nolint:gosec // a percentage
}
