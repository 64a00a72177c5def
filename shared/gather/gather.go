// Package gather groups what comes at the same time, so that it costs one
// transaction and not one each.
//
// Nobody waits for a group to fill while nothing else goes on: an item that comes
// then goes alone and at once. Those that come within a short rest after a group
// began go together, and so do those that come while one is worked on: another one
// beside it begins when there is enough for it, or when the first takes long. So groups
// grow with the load, and what that adds to an item's way is bounded.
package gather

import (
	"sync"
	"time"
)

// Groups hands items on in groups. Everything that was added is worked on; nothing
// bounds how much waits, so whoever adds must wait for what he added, or count.
type Groups[T any] struct {
	most   int
	atOnce int
	rest   time.Duration
	work   func([]T)

	mu      sync.Mutex
	waiting []T
	takers  int           // goroutines that take groups
	busy    int           // groups in work
	began   time.Time     // the last group
	enough  chan struct{} // of one: half of a whole group waits
}

// beside is how many rests a group waits for one that is in work.
const beside = 5

// New gives Groups that call work with up to most items, so many times at once. Unless
// half as many wait, a group begins no sooner than rest after the one before, and five
// times that while another is in work. work is called on goroutines that live while
// something waits.
func New[T any](most, atOnce int, rest time.Duration, work func([]T)) *Groups[T] {
	return &Groups[T]{most: most, atOnce: atOnce, rest: rest, work: work, enough: make(chan struct{}, 1)}
}

// Add takes an item, which work is called with in a moment.
func (g *Groups[T]) Add(item T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, item)
	if g.enoughWait() {
		select {
		case g.enough <- struct{}{}:
		default: // one that rests will hear of it
		}
	}
	if g.takers < g.atOnce {
		g.takers++
		go g.drain()
	}
}

func (g *Groups[T]) enoughWait() bool { return 2*len(g.waiting) >= g.most }

// drain works until nothing waits.
func (g *Groups[T]) drain() {
	for {
		g.restOut()
		group := g.next()
		if group == nil {
			return
		}
		g.work(group)
		g.ended()
	}
}

func (g *Groups[T]) ended() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
}

// restOut waits until another group may begin. What it hears may be of items that
// have been taken since, so it looks again.
func (g *Groups[T]) restOut() {
	for left := g.left(); left > 0; left = g.left() {
		over := time.NewTimer(left)
		select {
		case <-over.C:
		case <-g.enough:
		}
		over.Stop()
	}
}

// left is how long the rest still lasts; 0 if there is nothing to wait for.
func (g *Groups[T]) left() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 || g.enoughWait() {
		return 0
	}
	rest := g.rest
	if g.busy > 0 {
		rest *= beside
	}
	return rest - time.Since(g.began)
}

func (g *Groups[T]) next() []T {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), g.most)
	if n == 0 {
		g.takers--
		g.waiting = nil // with what it has held
		return nil
	}
	g.began = time.Now()
	g.busy++
	group := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return group
}
