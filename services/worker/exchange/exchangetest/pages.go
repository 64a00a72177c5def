package exchangetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// page cuts the rows that were asked for.
func (s *stage) page(q Question, n int) Page {
	rows := s.matching(q)
	from, to := s.bounds(q, len(rows))
	page := Page{Question: q, Next: -1, At: s.answered(n)}
	for _, row := range rows[from:to] {
		page.Rows = append(page.Rows, row.Payload)
	}
	last := to == len(rows)
	switch {
	case s.next != nil:
		page.Next = s.next(q.Page, last)
	case !last:
		page.Next = q.Page + 1
	}
	return page
}

// answered is the exchange's clock at the n-th answer. Each is two seconds on, so
// that the first can be told from the later ones.
func (s *stage) answered(n int) time.Time {
	at := time.Now().Add(time.Duration(n-1) * 2 * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first.IsZero() {
		s.first = at
	}
	return at
}

// dated reports an AsOf that is not the clock of the first answer.
func (s *stage) dated(got result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if off := got.asOf.Sub(s.first).Abs(); off > time.Second {
		return fmt.Errorf("AsOf is %s from the exchange's clock at the first answer", off)
	}
	return nil
}

// matching are the rows that the question is about.
func (s *stage) matching(q Question) []placed {
	if q.Reading != s.reader.reading || q.Scope != s.reader.scope {
		return nil
	}
	if q.Window == (exchange.Window{}) {
		return s.rows
	}
	return slices.DeleteFunc(slices.Clone(s.rows), func(row placed) bool {
		return row.at.Before(q.Window.From) || !row.at.Before(q.Window.To)
	})
}

// bounds of a page among so many rows.
func (s *stage) bounds(q Question, rows int) (from, to int) {
	if len(s.sizes) == 0 {
		return 0, rows
	}
	for n := 0; n <= q.Page; n++ {
		from, to = to, min(to+s.size(q, n), rows)
	}
	if q.Page > 0 {
		from = max(from-s.repeat, 0)
	}
	return from, to
}

func (s *stage) size(q Question, n int) int {
	size := s.sizes[n%len(s.sizes)]
	if q.Limit > 0 {
		size = min(size, q.Limit)
	}
	return size
}
