package exchangesim

import (
	"strconv"
	"sync"
	"time"
)

// window counts requests over a rolling span of time.
type window struct{ hits []time.Time }

// take counts a request unless n are already within the span before now. left
// is how many more fit; reset is when the next one will.
func (w *window) take(now time.Time, span time.Duration, n int) (ok bool, left int, reset time.Time) {
	w.drop(now, span)
	if len(w.hits) >= n {
		return false, 0, w.hits[0].Add(span)
	}
	w.hits = append(w.hits, now)
	return true, n - len(w.hits), now
}

func (w *window) drop(now time.Time, span time.Duration) {
	old := 0
	for old < len(w.hits) && !w.hits[old].Add(span).After(now) {
		old++
	}
	w.hits = append(w.hits[:0], w.hits[old:]...)
}

// sweepEvery bounds the windows kept: those that are empty are dropped after
// so many requests.
const sweepEvery = 4096

// The headers that tell where a limit stands.
const (
	limitHeader       = "X-Bapi-Limit"
	limitStatusHeader = "X-Bapi-Limit-Status"
	limitResetHeader  = "X-Bapi-Limit-Reset-Timestamp"
)

// uidLimits is the limit per UID and path: a rolling second.
type uidLimits struct {
	mu      sync.Mutex
	on      bool
	sizes   map[string]int
	clock   func() time.Time
	windows map[[2]string]*window
	taken   int
}

func newUIDLimits(cfg Config) *uidLimits {
	return &uidLimits{on: cfg.Limits, sizes: cfg.LimitSizes.PerUID, clock: cfg.Clock, windows: map[[2]string]*window{}}
}

// admit counts the call and sets the headers that tell where the limit stands;
// their reset time is by the exchange's clock.
func (l *uidLimits) admit(c *call) *refusal {
	size := l.sizes[c.path]
	ok, left, wait := l.take(c.uid, c.path, size)
	h := c.w.Header()
	h.Set(limitHeader, strconv.Itoa(size))
	h.Set(limitStatusHeader, strconv.Itoa(left))
	h.Set(limitResetHeader, strconv.FormatInt(c.now+wait.Milliseconds(), 10))
	if !ok {
		return refuse(codeTooMany, "Too many visits. Exceeded the API Rate Limit.")
	}
	return nil
}

func (l *uidLimits) take(uid, path string, size int) (ok bool, left int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on {
		return true, size, 0
	}
	now := l.clock()
	l.sweep(now)
	key := [2]string{uid, path}
	w := l.windows[key]
	if w == nil {
		w = &window{}
		l.windows[key] = w
	}
	ok, left, reset := w.take(now, time.Second, size)
	return ok, left, reset.Sub(now)
}

func (l *uidLimits) sweep(now time.Time) {
	if l.taken++; l.taken%sweepEvery != 0 {
		return
	}
	for key, w := range l.windows {
		if w.drop(now, time.Second); len(w.hits) == 0 {
			delete(l.windows, key)
		}
	}
}

func (l *uidLimits) set(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
	clear(l.windows)
}
