package budget

import "time"

// mostLag bounds what a grant may count as sent after the time it was given for. A
// request that is sent at once leaves as much of its account's budget unused.
const mostLag = 30 * time.Millisecond

// lag is how long after the time they are given for grants of this process are
// usually used: the lease has to come back, and a busy machine takes its time. Most
// come no later, so that few have to be corrected, each by a row of a lease of its
// own: it grows four times as fast as it shrinks.
type lag struct{ usual time.Duration }

// note takes a grant into account that was given for slot. Spare ones are given for
// whenever they are needed, and are never late.
func (l *lag) note(slot, used time.Time) {
	if slot.IsZero() {
		return
	}
	late := min(max(used.Sub(slot), 0), mostLag)
	if late > l.usual {
		l.usual += (late - l.usual) / 4
	} else {
		l.usual -= (l.usual - late) / 16
	}
}
