package worker

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// fetchWait is how long one fetch waits for jobs before its slots are counted
// anew.
const fetchWait = 5 * time.Second

// fetchRest is how soon after a fetch began the next one begins: slots that come free
// together, as those of jobs that were committed together do, are fetched for together.
const fetchRest = 2 * time.Millisecond

// slots bound the jobs of one queue that are worked on at once. No more jobs
// are fetched than there are free slots: a job that waits in this process would
// burn its AckWait. How many there are may change at any time.
type slots struct {
	mu     sync.Mutex
	busy   []bool        // by the number of the slot; those beyond size are not given out
	size   int           // how many there are; with 0 nothing is taken
	open   int           // those that a fetch has and no job yet
	change chan struct{} // of one: a slot came free, or there are more
	shrunk chan struct{} // closed when there are fewer

	fetches prometheus.Gauge // the open ones; nil: nobody counts
}

func newSlots(n int) *slots {
	return &slots{busy: make([]bool, n), size: n, change: make(chan struct{}, 1), shrunk: make(chan struct{})}
}

// takeAll takes every free slot, waiting for one if there is none, and for more of them
// to have a job while more than half are in open fetches: the next jobs come through
// those. It is nil when ctx has ended. The channel is closed when there are fewer slots
// than now: what was taken and has no job yet must be put back then.
func (s *slots) takeAll(ctx context.Context) ([]int, <-chan struct{}) {
	for ctx.Err() == nil {
		if taken, shrunk := s.takeFree(); len(taken) > 0 {
			return taken, shrunk
		}
		select {
		case <-ctx.Done():
		case <-s.change:
		}
	}
	return nil, nil
}

func (s *slots) takeFree() ([]int, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if 2*s.open > s.size {
		return nil, s.shrunk
	}
	var taken []int
	for slot := range s.size {
		if !s.busy[slot] {
			s.busy[slot] = true
			taken = append(taken, slot)
		}
	}
	s.open += len(taken)
	return taken, s.shrunk
}

// used says that a slot of a fetch has a job.
func (s *slots) used() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.changed()
}

// put frees slots whose jobs have ended.
func (s *slots) put(taken ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(taken)
}

// putBack frees the slots of a fetch that has ended before they had a job.
func (s *slots) putBack(taken ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open -= len(taken)
	s.free(taken)
}

func (s *slots) free(taken []int) {
	for _, slot := range taken {
		s.busy[slot] = false
	}
	s.changed()
}

// resize changes how many slots there are. Of those that are taken away the ones
// at work go on until their job has ended.
func (s *slots) resize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > len(s.busy) {
		s.busy = append(s.busy, make([]bool, n-len(s.busy))...)
	}
	if n < s.size {
		close(s.shrunk)
		s.shrunk = make(chan struct{})
	}
	s.size = n
	s.changed()
}

func (s *slots) changed() {
	select {
	case s.change <- struct{}{}:
	default: // it will be looked at anyway
	}
}

// serve fetches jobs of one subscription and works on them until take ends,
// and returns when all that it took have ended. Slots that come free while
// fetches are open get one of their own when no more than half of all are in those;
// when there are fewer slots, open fetches end. While the gate is shut nothing is fetched: a job could not be
// claimed, and would come again and again.
func (s *slots) serve(
	take context.Context, gate *postgres.Gate, sub *queue.Subscription, work func(int, queue.Delivery),
) {
	var running sync.WaitGroup
	defer running.Wait()
	var rest time.Time
	for {
		sleepUntil(take, rest)
		taken, shrunk := s.takeAll(take)
		if taken == nil {
			return
		}
		rest = time.Now().Add(fetchRest)
		open, done, err := gate.Pass(take)
		if err != nil {
			return
		}
		running.Go(func() {
			defer done()
			fetch, end := endedBy(open, shrunk)
			defer end()
			defer s.counted()()
			used := 0
			sub.Fetch(fetch, len(taken), fetchWait, func(d queue.Delivery) {
				slot := taken[used]
				used++
				s.used()
				running.Go(func() {
					defer s.put(slot)
					work(slot, d)
				})
			})
			s.putBack(taken[used:]...)
		})
	}
}

// sleepUntil returns then, or when ctx ends.
func sleepUntil(ctx context.Context, then time.Time) {
	left := time.Until(then)
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// counted counts a fetch until it is over.
func (s *slots) counted() (over func()) {
	if s.fetches == nil {
		return func() {}
	}
	s.fetches.Inc()
	return s.fetches.Dec
}

// endedBy is a context that ends with a channel as well. end frees what it holds.
func endedBy(ctx context.Context, ended <-chan struct{}) (_ context.Context, end context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
