package exchangesim

import "sort"

// series is a run of rows in order of time, most of which are never computed:
// those from number first up to, not including, past.
type series struct {
	first, past int64
	at          func(n int64) int64 // never falls as n grows
	row         func(n int64) any
}

// between narrows a series down to the rows dated within [from, to].
func (s series) between(from, to int64) series {
	s.first, s.past = s.after(from-1), s.after(to)
	s.past = max(s.past, s.first)
	return s
}

// after gives the number of the first row dated after an instant.
func (s series) after(at int64) int64 {
	return s.first + int64(sort.Search(int(s.past-s.first), func(i int) bool { return s.at(s.first+int64(i)) > at }))
}

// where keeps the rows of which a condition holds, by looking at each.
func (s series) where(keep func(n int64) bool) series {
	var kept []int64
	for n := s.first; n < s.past; n++ {
		if keep(n) {
			kept = append(kept, n)
		}
	}
	at, row := s.at, s.row
	return series{
		past: int64(len(kept)),
		at:   func(n int64) int64 { return at(kept[n]) },
		row:  func(n int64) any { return row(kept[n]) },
	}
}

// entry is a row with its time.
type entry struct {
	at  int64
	row func() any
}

// gathered makes a series of rows that are in memory, in any order. Rows of one
// instant keep theirs, newest first.
func gathered(list []entry) series {
	sort.SliceStable(list, func(i, j int) bool { return list[i].at > list[j].at })
	last := int64(len(list)) - 1
	return series{
		past: last + 1,
		at:   func(n int64) int64 { return list[last-n].at },
		row:  func(n int64) any { return list[last-n].row() },
	}
}

// timeline is the rows of several series together, newest first.
type timeline []series

func (t timeline) total() int {
	n := int64(0)
	for _, s := range t {
		n += s.past - s.first
	}
	return int(n)
}

// rows gives rows [from, to) counted from the newest, and computes no others.
func (t timeline) rows(from, to int) []any {
	left, skip := t.seek(from)
	var list []any
	for i := from - skip; i < to; i++ {
		newest := t.newest(left)
		if newest < 0 {
			return list
		}
		left[newest]--
		if i >= from {
			list = append(list, t[newest].row(left[newest]))
		}
	}
	return list
}

// seek finds, for each series, the number after the last row that is not
// wholly before row i, and how many rows are to be skipped from there.
func (t timeline) seek(i int) (left []int64, skip int) {
	var lo, hi int64 = 0, 1 << 43 // more than i rows are after lo, or lo is where time begins
	for lo < hi {
		mid := lo + (hi-lo)/2
		if t.after(mid) <= i {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	left = make([]int64, len(t))
	for k, s := range t {
		left[k] = s.after(lo)
	}
	return left, i - t.after(lo)
}

func (t timeline) after(at int64) int {
	n := int64(0)
	for _, s := range t {
		n += s.past - s.after(at)
	}
	return int(n)
}

// newest picks the series whose next row is the newest; the first of several.
func (t timeline) newest(left []int64) int {
	found, best := -1, int64(0)
	for k, s := range t {
		if left[k] <= s.first {
			continue
		}
		if at := s.at(left[k] - 1); found < 0 || at > best {
			found, best = k, at
		}
	}
	return found
}

// listing makes a page's source of a timeline.
func (t timeline) listing(category string, trails bool) *listing {
	return &listing{category: category, total: t.total(), rows: t.rows, trails: trails}
}
