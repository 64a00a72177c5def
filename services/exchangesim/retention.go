package exchangesim

// What order/history still serves, and over which windows (documentation of
// order/history): two years back; orders that ended without a fill for a day.
const (
	maxWindow      = 7 * day
	historyDepth   = 2 * 365 * day
	unfilledMemory = day
)

// retained tells whether order/history still knows an order that ended.
func (s standing) retained(at int64) bool {
	age := at - s.updated
	return s.progress.filled > 0 && age <= historyDepth || age <= unfilledMemory
}

func (s standing) ended() bool {
	switch s.status {
	case statusNew, statusPartiallyFilled, statusUntriggered:
		return false
	default:
		return true
	}
}
