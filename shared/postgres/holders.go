package postgres

import (
	"slices"
	"sync"
	"time"
)

// holders knows who uses the pool's connections right now. It holds as many
// entries as the pool has connections.
type holders struct {
	mu   sync.Mutex
	next uint64
	held map[uint64]holding
}

type holding struct {
	label string
	since time.Time
}

func (h *holders) add(label string) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil {
		h.held = make(map[uint64]holding)
	}
	h.next++
	h.held[h.next] = holding{label: label, since: time.Now()}
	return h.next
}

// remove reports whether the entry was still there.
func (h *holders) remove(id uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, found := h.held[id]
	delete(h.held, id)
	return found
}

// list names the holders, the longest first.
func (h *holders) list() []Holder {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]Holder, 0, len(h.held))
	for _, e := range h.held {
		out = append(out, Holder{Label: e.label, Held: time.Since(e.since)})
	}
	slices.SortFunc(out, func(a, b Holder) int { return int(b.Held - a.Held) })
	return out
}
