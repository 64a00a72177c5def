package exchangesim

import (
	"slices"
	"strconv"
	"sync"
)

// keptBytes bounds the pages that are kept. Beyond it they are all forgotten, and
// computed again.
const keptBytes = 256 << 20

// keptPages are pages of histories that Bench has computed, by path and query.
type keptPages struct {
	mu    sync.RWMutex
	pages map[string]answer
	bytes int
}

func newKeptPages() *keptPages { return &keptPages{pages: map[string]answer{}} }

func (k *keptPages) get(key string) (answer, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	a, ok := k.pages[key]
	return a, ok
}

func (k *keptPages) put(key string, a answer, size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bytes += size; k.bytes > keptBytes {
		k.pages, k.bytes = map[string]answer{}, size
	}
	k.pages[key] = a
}

// page answers a page, of Bench's accounts from what is kept if it may be: then the
// same question has the same answer whoever asks.
func (x *Exchange) page(c *call, ep endpoint) (answer, *refusal) {
	if !x.keeps(c) {
		return x.answerPage(c, ep)
	}
	key := c.path + "?" + c.r.URL.RawQuery
	if a, ok := x.kept.get(key); ok {
		return a, nil
	}
	a, no := x.answerPage(c, ep)
	if no != nil {
		return answer{}, no
	}
	body := encode(a.result)
	a.result = rendered(body)
	x.kept.put(key, a, len(body))
	return a, nil
}

// keeps reports whether a page may be kept: nothing is added any more to a window
// that ended an hour ago.
func (x *Exchange) keeps(c *call) bool {
	if !x.cfg.Bench.On || slices.ContainsFunc(c.faults, func(f Fault) bool { return f.Kind != FaultLatency }) {
		return false
	}
	end, err := strconv.ParseInt(c.query.Get("endTime"), 10, 64)
	return err == nil && end < c.now-hour
}
