package bybit

import (
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// interval is the length of a bar: months for M, which have no fixed length,
// else a duration. Days and weeks begin at midnight UTC, weeks on Monday.
type interval struct {
	length time.Duration // the longest that a bar can be
	months int
}

// The exchange's names: minutes, and D, W, M.
func parseInterval(name string) (interval, bool) {
	switch name {
	case "1", "3", "5", "15", "30", "60", "120", "240", "360", "720":
		minutes, err := strconv.Atoi(name)
		return interval{length: time.Duration(minutes) * time.Minute}, err == nil
	case "D":
		return interval{length: 24 * time.Hour}, true
	case "W":
		return interval{length: 7 * 24 * time.Hour}, true
	case "M":
		return interval{length: 31 * 24 * time.Hour, months: 1}, true
	default:
		return interval{}, false
	}
}

// end is when a bar that begins at start is final.
func (i interval) end(start time.Time) time.Time {
	if i.months > 0 {
		return start.UTC().AddDate(0, i.months, 0)
	}
	return start.Add(i.length)
}

// window in which no more than so many bars can begin.
func (i interval) window(bars int) time.Duration {
	if i.months > 0 {
		return time.Duration(bars) * 28 * 24 * time.Hour
	}
	return time.Duration(bars) * i.length
}

func noSuchInterval(name string) *exchange.Error {
	return &exchange.Error{
		Class:   exchange.BadRequest,
		Message: "candles: Bybit has no interval " + strconv.Quote(name) + "; it has the minutes 1, 3, 5, 15, 30, 60, 120, 240, 360, 720, and D, W, M",
	}
}
