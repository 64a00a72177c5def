package exchangesim

import "slices"

// What order/history still serves, and over which windows (documentation of
// order/history): two years back, in the demo environment seven days; orders
// that were cancelled, rejected or deactivated without a fill for a day, others
// without one for a week.
const (
	maxWindow       = 7 * day
	historyDepth    = 2 * 365 * day
	demoDepth       = 7 * day
	cancelledMemory = day
	unfilledMemory  = 7 * day
)

// retained tells whether order/history still knows an order that ended.
func (x *Exchange) retained(s standing, at int64) bool {
	age := at - s.updated
	switch {
	case age > historyDepth, x.cfg.Demo && age > demoDepth:
		return false
	case s.progress.filled > 0:
		return true
	case slices.Contains([]string{statusCancelled, statusRejected, statusDeactivated}, s.status):
		return age <= cancelledMemory
	default:
		return age <= unfilledMemory
	}
}

func (s standing) ended() bool {
	switch s.status {
	case statusNew, statusPartiallyFilled, statusUntriggered:
		return false
	default:
		return true
	}
}
