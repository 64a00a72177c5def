package exchangesim

import (
	"net/http"
	"sync"
	"time"
)

// ipLimits is the limit per address. One request too many bans the address for
// all paths, without a header that says for how long.
type ipLimits struct {
	mu      sync.Mutex
	on      bool
	sizes   LimitSizes
	clock   func() time.Time
	windows map[string]*window
	bans    map[string]time.Time // until
	taken   int
}

func newIPLimits(cfg Config) *ipLimits {
	return &ipLimits{
		on: cfg.Limits, sizes: cfg.LimitSizes, clock: cfg.Clock,
		windows: map[string]*window{}, bans: map[string]time.Time{},
	}
}

// admit counts a request of an address. A ban by the admin holds even where
// the limits are off.
func (l *ipLimits) admit(host string) *refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	if until, banned := l.bans[host]; banned && now.Before(until) {
		return bare(http.StatusForbidden)
	}
	delete(l.bans, host)
	if !l.on {
		return nil
	}
	l.sweep(now)
	w := l.windows[host]
	if w == nil {
		w = &window{}
		l.windows[host] = w
	}
	if ok, _, _ := w.take(now, l.sizes.IPWindow, l.sizes.IPRequests); !ok {
		l.bans[host] = now.Add(l.sizes.IPBan)
		delete(l.windows, host)
		return bare(http.StatusForbidden)
	}
	return nil
}

func (l *ipLimits) sweep(now time.Time) {
	if l.taken++; l.taken%sweepEvery != 0 {
		return
	}
	for host, until := range l.bans {
		if !now.Before(until) {
			delete(l.bans, host)
		}
	}
	for host, w := range l.windows {
		if w.drop(now, l.sizes.IPWindow); len(w.hits) == 0 {
			delete(l.windows, host)
		}
	}
}

// ban bans an address for a time from now on.
func (l *ipLimits) ban(host string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bans[host] = l.clock().Add(d)
	delete(l.windows, host)
}

// lift ends all bans.
func (l *ipLimits) lift() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.bans)
	clear(l.windows)
}

func (l *ipLimits) set(on bool) {
	l.lift()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
}
