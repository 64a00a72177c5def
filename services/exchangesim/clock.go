package exchangesim

import (
	"sync"
	"time"
)

// clock gives instants, in Unix milliseconds, such that what was shown at an
// instant stays true of it: a change is always dated after every instant that
// was shown before it, and whatever is shown after a change is dated at or
// after it. So a second look at an instant (truth) equals the first.
//
// The guarantee begins anew when the offset is moved; an exchange whose clock
// was set back shows some instants twice.
type clock struct {
	mu      sync.Mutex
	source  func() time.Time
	offset  time.Duration
	shown   int64
	changed int64
}

func (c *clock) now() int64 { return c.source().Add(c.offset).UnixMilli() }

// show gives the instant that a response shows.
func (c *clock) show() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := max(c.now(), c.changed)
	c.shown = max(c.shown, at)
	return at
}

// change runs apply at an instant that nobody has been shown. Nothing is shown
// while it runs; if it fails, nothing has changed.
func (c *clock) change(apply func(at int64) error) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := max(c.now(), c.changed, c.shown+1)
	if err := apply(at); err != nil {
		return 0, err
	}
	c.changed = at
	return at, nil
}

func (c *clock) setOffset(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
	c.shown, c.changed = 0, 0
}

func (c *clock) offsetNow() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}
