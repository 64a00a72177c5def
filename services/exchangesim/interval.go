package exchangesim

import "time"

// interval is the length of a candle as the exchange names it: minutes, or D,
// W (from Monday) and M (a calendar month), all in UTC.
type interval string

func intervals() []interval {
	return []interval{"1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D", "W", "M"}
}

// firstMonday is the first Monday after the Unix epoch, a Thursday.
const firstMonday = 4 * day

// floor gives the start of the candle that an instant falls into.
func (i interval) floor(at int64) int64 {
	switch i {
	case "M":
		t := time.UnixMilli(at).UTC()
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	case "W":
		return firstMonday + floorDiv(at-firstMonday, 7*day)*7*day
	default:
		return floorDiv(at, i.length()) * i.length()
	}
}

// next gives the start of the candle after the one that starts there.
func (i interval) next(start int64) int64 {
	if i == "M" {
		return time.UnixMilli(start).UTC().AddDate(0, 1, 0).UnixMilli()
	}
	return start + i.length()
}

// length is of no use for months.
func (i interval) length() int64 {
	switch i {
	case "D":
		return day
	case "W":
		return 7 * day
	default:
		return number(string(i)) * minute
	}
}
