// Package gather groups what comes at the same time, so that it costs one
// transaction and not one each.
//
// Nobody waits for a group to fill: an item that comes while nothing is worked on
// goes alone and at once, and those that come meanwhile go together. So groups grow
// with the load, and there is no time to tune.
package gather

import "sync"

// Groups hands items on in groups. Everything that was added is worked on; nothing
// bounds how much waits, so whoever adds must wait for what he added, or count.
type Groups[T any] struct {
	most   int
	atOnce int
	work   func([]T)

	mu      sync.Mutex
	waiting []T
	working int
}

// New gives Groups that call work with up to most items, so many times at once. It
// is called on goroutines that live while something waits.
func New[T any](most, atOnce int, work func([]T)) *Groups[T] {
	return &Groups[T]{most: most, atOnce: atOnce, work: work}
}

// Add takes an item, which work is called with in a moment.
func (g *Groups[T]) Add(item T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, item)
	if g.working < g.atOnce {
		g.working++
		go g.drain()
	}
}

// drain works until nothing waits.
func (g *Groups[T]) drain() {
	for group := g.next(); group != nil; group = g.next() {
		g.work(group)
	}
}

func (g *Groups[T]) next() []T {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), g.most)
	if n == 0 {
		g.working--
		g.waiting = nil // with what it has held
		return nil
	}
	group := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return group
}
