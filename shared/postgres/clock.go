package postgres

import (
	"sync"
	"time"
)

// serverClock is the server's clock, as a check read it. Between two readings it
// goes on by our monotonic clock, so that a wall clock of this machine that is
// wrong, or set while we run, does not matter.
type serverClock struct {
	mu   sync.Mutex
	read time.Time // what the server said
	at   time.Time // when it said so, by our monotonic clock
}

func (c *serverClock) note(read, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read, c.at = read, at
}

func (c *serverClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read.IsZero() {
		return time.Now()
	}
	return c.read.Add(time.Since(c.at))
}

// Now is the server's clock, which decides deadlines: to a few milliseconds, as the
// latest check read it, without asking. Until the first check has passed it is this
// machine's.
func (db *DB) Now() time.Time { return db.clock.now() }
