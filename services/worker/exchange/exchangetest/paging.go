package exchangetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

func pagingChecks() []check {
	return []check{
		{name: "every page comes, each row once", run: wholeWalk, applies: paged},
		{name: "a short page does not end the walk", run: shortPages, applies: paged},
		{name: "a last page that leads on to nothing ends it", run: nothingBehind, applies: paged},
		{name: "a stuck cursor ends it incomplete", run: stuck, applies: paged},
		{name: "a cycle of two pages ends it incomplete", run: cycle, applies: paged},
		{name: "a last page that fails leaves the rows before", run: lastFails, applies: paged},
	}
}

// wholeWalk: rows move between pages while they are read, so some come twice.
func wholeWalk(ctx context.Context, b bench) error {
	rows := b.some(10)
	cut := func(s *stage) { s.sizes, s.repeat = []int{3}, 1 }
	return b.reads(ctx, rows, cut, func(s *scene, got result) error {
		return errors.Join(got.whole(), got.holds(rows), s.dated(got))
	})
}

func shortPages(ctx context.Context, b bench) error {
	rows := b.some(11)
	cut := func(s *stage) { s.sizes = []int{3, 1, 2} }
	return b.reads(ctx, rows, cut, func(_ *scene, got result) error {
		return errors.Join(got.whole(), got.holds(rows))
	})
}

func nothingBehind(ctx context.Context, b bench) error {
	rows := b.some(6)
	cut := func(s *stage) {
		s.sizes = []int{3}
		s.next = func(page int, _ bool) int {
			if page >= 2 {
				return -1
			}
			return page + 1
		}
	}
	return b.reads(ctx, rows, cut, func(_ *scene, got result) error {
		return errors.Join(got.whole(), got.holds(rows))
	})
}

// stuck: the second page names itself as the next. What came is kept.
func stuck(ctx context.Context, b bench) error {
	return b.leadsBack(ctx, func(page int, _ bool) int { return min(page+1, 1) })
}

// cycle: the third page names the second as the next.
func cycle(ctx context.Context, b bench) error {
	return b.leadsBack(ctx, func(page int, _ bool) int {
		if page >= 2 {
			return 1
		}
		return page + 1
	})
}

func (b bench) leadsBack(ctx context.Context, next func(page int, last bool) int) error {
	rows := b.some(9)
	cut := func(s *stage) { s.sizes, s.next = []int{3}, next }
	return b.reads(ctx, rows, cut, func(s *scene, got result) error {
		met := 0
		for _, q := range s.questions() {
			met = max(met, q.Page)
		}
		if n := len(s.questions()); n > 2*len(rows) {
			return fmt.Errorf("it went on for %d requests", n)
		}
		return errors.Join(got.ended(exchange.Incomplete), got.holds(rows[:3*(met+1)]))
	})
}

func lastFails(ctx context.Context, b bench) error {
	refusal, known := b.exchange.refusal(exchange.Transient)
	if !known {
		return nil // declared names it
	}
	rows := b.some(9)
	cut := func(s *stage) {
		s.sizes = []int{3}
		s.refuse(refusal, func(q Question, _ int) bool { return q.Page != 2 })
	}
	return b.reads(ctx, rows, cut, func(s *scene, got result) error {
		return errors.Join(got.ended(exchange.Transient), got.holds(rows[:6]), s.dated(got))
	})
}
