package exchange

import (
	"iter"
	"time"
)

// Split cuts w into windows no longer than longest, oldest first, without a
// gap or an overlap: an exchange that limits the span of one query is asked
// window by window, and each is complete or not by itself. A window that is
// empty or runs backwards, or a longest that is not positive, gives none.
func (w Window) Split(longest time.Duration) iter.Seq[Window] {
	return func(yield func(Window) bool) {
		if longest <= 0 {
			return
		}
		for from := w.From; from.Before(w.To); from = from.Add(longest) {
			to := from.Add(longest)
			if to.After(w.To) {
				to = w.To
			}
			if !yield(Window{From: from, To: to}) {
				return
			}
		}
	}
}
