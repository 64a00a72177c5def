package exchange

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	clockSamples   = 3
	clockLifetime  = 5 * time.Minute
	clockPatience  = 3 * time.Second  // for all samples of one measurement
	clockRetry     = 10 * time.Second // after a measurement that failed
	clockTolerance = 500 * time.Millisecond
)

// ErrClockUnread means that no reading of the exchange's clock succeeded.
var ErrClockUnread = errors.New("the exchange's clock could not be read")

// Reading is one look at the exchange's clock: what it showed, and when, by
// our clock, the request went out and the answer was there. A wait before the
// sending must not be between the two.
type Reading struct {
	Server         time.Time
	Sent, Received time.Time
}

// offset assumes that both ways took the same time; it is wrong by half the
// round trip at most.
func (r Reading) offset() time.Duration { return r.Server.Sub(r.Sent.Add(r.roundTrip() / 2)) }

func (r Reading) roundTrip() time.Duration { return r.Received.Sub(r.Sent) }

// ReadClock looks at the exchange's clock once.
type ReadClock func(ctx context.Context) (Reading, error)

// Clock is the clock of one host: ours plus an offset that is measured now and
// then. It is off by half a round trip at most, and by what either clock has
// drifted since. Before the first measurement the offset is zero.
type Clock struct {
	gate chan struct{} // held while measuring

	mu       sync.Mutex
	offset   time.Duration // theirs minus ours
	measured time.Time     // by our clock; zero: never
	failed   time.Time     // the last measurement that failed
	doubted  bool          // an answer did not fit the offset
}

// NewClock returns a clock that has not been measured.
func NewClock() *Clock { return &Clock{gate: make(chan struct{}, 1)} }

// Now is the time by the exchange.
func (c *Clock) Now() time.Time {
	offset, _ := c.Offset()
	return time.Now().Add(offset)
}

// Local is when our clock shows what the exchange's shows at t.
func (c *Clock) Local(t time.Time) time.Time {
	offset, _ := c.Offset()
	return t.Add(-offset)
}

// Offset is the exchange's clock minus ours; ok is false if it was never
// measured, and then it is zero.
func (c *Clock) Offset() (offset time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, !c.measured.IsZero()
}

// Refresh measures if the last measurement is older than five minutes or in
// doubt. One caller measures; the others go on with what is known, or wait if
// nothing is. A failure is no reason to stop: whoever needed the time keeps
// the offset there is, and the next measurement is at least 10 s off.
func (c *Clock) Refresh(ctx context.Context, read ReadClock) {
	due, known := c.due(time.Now())
	if !due {
		return
	}
	if known {
		select {
		case c.gate <- struct{}{}:
		default:
			return
		}
	} else if err := c.enter(ctx); err != nil {
		return
	}
	defer c.leave()
	if due, _ := c.due(time.Now()); due {
		_ = c.measure(ctx, read)
	}
}

// Sync measures unless another caller has since the time given, which is when
// the caller found the clock wrong: a crowd that is told so at once measures
// once.
func (c *Clock) Sync(ctx context.Context, since time.Time, read ReadClock) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.leave()
	c.mu.Lock()
	done := c.measured.After(since)
	c.mu.Unlock()
	if done {
		return nil
	}
	return c.measure(ctx, read)
}

// Observe checks the offset against the time in an answer: the exchange must
// have written it between the sending and the receiving. If it cannot have,
// the next Refresh measures.
func (c *Clock) Observe(server, sent, received time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	early := server.Before(sent.Add(c.offset - clockTolerance))
	late := server.After(received.Add(c.offset + clockTolerance))
	if early || late {
		c.doubted = true
	}
}

// Doubted reports whether an answer has contradicted the offset since it was
// measured.
func (c *Clock) Doubted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doubted
}

func (c *Clock) due(now time.Time) (due, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known = !c.measured.IsZero()
	if !c.failed.IsZero() && now.Sub(c.failed) < clockRetry {
		return false, known
	}
	if c.doubted && now.Sub(c.measured) >= clockRetry {
		return true, known
	}
	return !known || now.Sub(c.measured) >= clockLifetime, known
}

func (c *Clock) enter(ctx context.Context) error {
	select {
	case c.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Clock) leave() { <-c.gate }

// measure keeps the reading with the smallest round trip: it has the smallest
// error, and the slower ones were slow on one way only more often than not.
func (c *Clock) measure(caller context.Context, read ReadClock) error {
	ctx, cancel := context.WithTimeout(caller, clockPatience)
	defer cancel()
	var best *Reading
	var last error
	for range clockSamples {
		reading, err := read(ctx)
		if err != nil {
			last = err
			break // an exchange that does not answer is not asked three times
		}
		if best == nil || reading.roundTrip() < best.roundTrip() {
			best = &reading
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if best == nil {
		if caller.Err() == nil { // a caller that left says nothing about the exchange
			c.failed = time.Now()
		}
		return fmt.Errorf("%w: %w", ErrClockUnread, last)
	}
	c.offset, c.measured, c.doubted, c.failed = best.offset(), time.Now(), false, time.Time{}
	return nil
}
