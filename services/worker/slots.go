package worker

import (
	"context"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// fetchWait is how long one fetch waits for jobs before its slots are counted
// anew.
const fetchWait = 5 * time.Second

// slots bound the jobs of one queue that are worked on at once. No more jobs
// are fetched than there are free slots: a job that waits in this process would
// burn its AckWait.
type slots struct {
	free chan int // the numbers of the free slots
}

func newSlots(n int) *slots {
	s := &slots{free: make(chan int, n)}
	for i := range n {
		s.free <- i
	}
	return s
}

// takeAll takes every free slot, waiting for one if there is none; nil when ctx
// has ended.
func (s *slots) takeAll(ctx context.Context) []int {
	if ctx.Err() != nil {
		return nil
	}
	var taken []int
	select {
	case <-ctx.Done():
		return nil
	case slot := <-s.free:
		taken = append(taken, slot)
	}
	for {
		select {
		case slot := <-s.free:
			taken = append(taken, slot)
		default:
			return taken
		}
	}
}

func (s *slots) put(taken ...int) {
	for _, slot := range taken {
		s.free <- slot
	}
}

// serve fetches jobs of one subscription and works on them until take ends,
// and returns when all that it took have ended. Slots that come free while a
// fetch is open get a fetch of their own. While the gate is shut nothing is
// fetched: a job could not be claimed, and would come again and again.
func (s *slots) serve(
	take context.Context, gate *postgres.Gate, sub *queue.Subscription, work func(int, queue.Delivery),
) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		taken := s.takeAll(take)
		if taken == nil {
			return
		}
		open, done, err := gate.Pass(take)
		if err != nil {
			return
		}
		running.Go(func() {
			defer done()
			used := 0
			sub.Fetch(open, len(taken), fetchWait, func(d queue.Delivery) {
				slot := taken[used]
				used++
				running.Go(func() {
					defer s.put(slot)
					work(slot, d)
				})
			})
			s.put(taken[used:]...)
		})
	}
}
