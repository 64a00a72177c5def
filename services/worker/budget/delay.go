package budget

import "time"

// delayMemory is how long a shortest delay is believed, at least.
const delayMemory = 30 * time.Second

// delay is how long requests to a host usually take until they are counted: the
// shortest of late. What is on the way longer than that is late. How far apart
// the clocks are is in it too, and makes no difference.
type delay struct {
	shortest, before time.Duration
	since            time.Time
}

// usual takes a measured delay into account and gives the usual one.
func (d *delay) usual(measured time.Duration, now time.Time) time.Duration {
	switch age := now.Sub(d.since); {
	case d.since.IsZero() || age > 2*delayMemory:
		d.shortest, d.before, d.since = measured, measured, now
	case age > delayMemory:
		d.before, d.shortest, d.since = d.shortest, measured, now
	default:
		d.shortest = min(d.shortest, measured)
	}
	return min(d.shortest, d.before)
}
