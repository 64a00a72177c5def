package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// crowdSize is how many read one value at once; the race detector does the rest.
const crowdSize = 6

func many(ctx context.Context, b bench) error {
	rows := b.some(7)
	s, err := b.scene(rows, func(s *stage) { s.sizes = []int{3} })
	if err != nil {
		return err
	}
	defer s.Close()
	if b.rows.Single {
		s.sizes = nil
	}
	return errors.Join(together(crowdSize, func(int) error {
		got := s.read(ctx, b.window)
		return errors.Join(got.whole(), got.holds(rows))
	}), s.welcome())
}

// crowd uses one account and one market for all their readers at once.
func crowd(ctx context.Context, x Exchange) error {
	readers, err := x.readers()
	if err != nil {
		return err
	}
	s, err := bench{exchange: x}.scene(nil, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	return errors.Join(together(len(readers), func(i int) error {
		r := readers[i]
		if r.rowless() {
			return nil
		}
		var from any = s.account
		if r.public {
			from = s.market
		}
		got := r.read(ctx, from, r.scope, newBench(x, r).window)
		if got.scope != r.scope {
			return fmt.Errorf("%s: the answer is of %s", r, got.scope)
		}
		return got.whole()
	}), s.welcome())
}

// together runs n at once and joins their errors.
func together(n int, run func(i int) error) error {
	faults := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { faults[i] = run(i) })
	}
	group.Wait()
	return errors.Join(faults...)
}
