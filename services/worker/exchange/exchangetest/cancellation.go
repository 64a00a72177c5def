package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// usualPatience bounds the wait for what should come at once. It is no measure
// of speed: it only tells late from never.
const usualPatience = 15 * time.Second

func (x Exchange) promptly() time.Duration {
	if x.patience == 0 {
		return usualPatience
	}
	return x.patience
}

func cancelChecks() []check {
	return []check{
		{name: "a context that ends ends the walk", run: cancelled, applies: everything},
		{name: "a context that has ended asks nothing", run: late, applies: everything},
	}
}

// halted is a question that is not answered until its request ends.
type halted struct {
	page          int
	met, gone     chan struct{}
	meets, leaves sync.Once
}

func (h *halted) intercept(_ http.ResponseWriter, r *http.Request, q Question, _ int) bool {
	if q.Page != h.page {
		return false
	}
	h.meets.Do(func() { close(h.met) })
	<-r.Context().Done()
	h.leaves.Do(func() { close(h.gone) })
	return true
}

// cancelled ends the context while the second page is awaited, the first where
// there is only one.
func cancelled(ctx context.Context, b bench) error {
	rows := b.some(6)
	halt := &halted{met: make(chan struct{}), gone: make(chan struct{})}
	var before []placed
	if paged(b) {
		halt.page, before = 1, rows[:3]
	}
	s, err := b.scene(rows, func(s *stage) { s.sizes, s.intercept = []int{3}, halt.intercept })
	if err != nil {
		return err
	}
	defer s.Close()
	within := b.exchange.promptly()
	traced, left := trace(within)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan result, 1)
	go traced(func() { done <- s.read(ctx, b.window) })
	if err := await(within, halt.met, "the request that is to be cut off"); err != nil {
		return err
	}
	cancel()
	got, err := receive(within, done)
	if err != nil {
		return err
	}
	if err := await(within, halt.gone, "the end of the request itself"); err != nil {
		return err
	}
	s.CloseClientConnections() // idle ones have goroutines too
	return errors.Join(got.cut(), got.holds(before), left())
}

// late: the time was up before the call.
func late(ctx context.Context, b bench) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return b.reads(ctx, b.some(1), nil, func(s *scene, got result) error {
		return errors.Join(got.cut(), got.holds(nil), s.unasked())
	})
}

// cut reports a result that was not ended as Caller.Do documents it.
func (g result) cut() error {
	if err := g.ended(exchange.Transient); err != nil {
		return err
	}
	if !errors.Is(g.err, context.Canceled) {
		return fmt.Errorf("the error does not wrap that of the context: %w", g.err)
	}
	return nil
}

func await(within time.Duration, signal <-chan struct{}, what string) error {
	select {
	case <-signal:
		return nil
	case <-time.After(within):
		return fmt.Errorf("%s did not come within %s", what, within)
	}
}

func receive(within time.Duration, done <-chan result) (result, error) {
	select {
	case got := <-done:
		return got, nil
	case <-time.After(within):
		return result{}, fmt.Errorf("the call did not return within %s", within)
	}
}
