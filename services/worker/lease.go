package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	heartbeat = 3 * time.Second
	// leaseMargin is how long before the end of its lease an attempt that
	// cannot extend it gives up, by the local monotonic clock.
	leaseMargin = 2 * time.Second
	// stuckAfter is how long a slot may take to end once it was cancelled.
	stuckAfter = 30 * time.Second
)

// Why an attempt was cancelled.
var (
	errTaken     = errors.New("the job was taken from this claim")
	errUnsure    = errors.New("the lease could not be extended in time")
	errTimeUp    = errors.New("the attempt's time is up")
	errReleasing = errors.New("the worker is stopping")
)

// lease is a claim that this process holds and keeps alive.
type lease struct {
	holding   ledger.Holding
	delivery  queue.Delivery
	log       *logrus.Entry
	cancel    context.CancelCauseFunc
	extended  time.Time // when the request that last extended it was sent
	ended     time.Time // when it was cancelled; zero while it holds
	committed bool      // its outcome is being committed: the row's lock protects it
}

// leases are all claims of the process, kept alive by one statement.
type leases struct {
	ledger *ledger.Ledger
	stuck  func(string)
	failed func() // a heartbeat has extended nothing
	log    *logrus.Entry

	mu   sync.Mutex
	held map[string]*lease // by claim
}

func newLeases(l *ledger.Ledger, stuck func(string), log *logrus.Entry) *leases {
	return &leases{ledger: l, stuck: stuck, failed: func() {}, log: log, held: map[string]*lease{}}
}

// hold keeps a claim alive until release. The returned context ends, with the
// cause, when the claim must not be worked on any more.
func (s *leases) hold(
	ctx context.Context, job *ledger.Claimed, d queue.Delivery, claimedAt time.Time, log *logrus.Entry,
) (context.Context, *lease) {
	ctx, cancel := context.WithCancelCause(ctx)
	l := &lease{
		holding: ledger.Holding{JobID: job.JobID, Claim: job.Claim}, delivery: d, log: log,
		cancel: cancel, extended: claimedAt,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[job.Claim] = l
	return ctx, l
}

// committing leaves the claim out of the heartbeats from now on, and says when its
// lease can be over.
func (s *leases) committing(l *lease) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.committed = true
	return l.extended.Add(s.ledger.Settings().Lease)
}

func (s *leases) release(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, l.holding.Claim)
	l.cancel(nil)
}

// run sends heartbeats until ctx ends.
func (s *leases) run(ctx context.Context) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	check := time.NewTicker(time.Second)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			s.beat(ctx)
		case <-check.C:
			s.giveUpUnsure()
			s.reportStuck()
		}
	}
}

// beat extends every lease in one statement, and tells the broker afterwards:
// its AckWait never outlives a lease that the table has given up.
func (s *leases) beat(ctx context.Context) {
	holdings := s.beating()
	if len(holdings) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, heartbeat-500*time.Millisecond)
	defer cancel()
	sent := time.Now()
	extended, err := s.ledger.Extend(ctx, holdings)
	if err != nil {
		s.failed()
		s.log.WithError(err).Warn("leases could not be extended")
		return
	}
	missing := s.markExtended(extended, sent, holdings)
	if len(missing) == 0 {
		return
	}
	ended, err := s.ledger.Standing(ctx, missing)
	if err != nil {
		s.log.WithError(err).Warn("claims could not be checked")
		return
	}
	s.endTaken(missing, ended)
}

func (s *leases) beating() []ledger.Holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	var holdings []ledger.Holding
	for _, l := range s.held {
		if !l.committed && l.ended.IsZero() {
			holdings = append(holdings, l.holding)
		}
	}
	return holdings
}

func (s *leases) markExtended(extended []string, sent time.Time, asked []ledger.Holding) []ledger.Holding {
	done := make(map[string]bool, len(extended))
	for _, id := range extended {
		done[id] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var missing []ledger.Holding
	for _, h := range asked {
		l := s.held[h.Claim]
		switch {
		case l == nil || l.committed:
		case done[h.JobID]:
			l.extended = sent
			if err := l.delivery.InProgress(); err != nil {
				l.log.WithError(err).Debug("the broker was not told that the job goes on")
			}
		default:
			missing = append(missing, h)
		}
	}
	return missing
}

// endTaken cancels the attempts whose job certainly is another's, or ended.
func (s *leases) endTaken(missing []ledger.Holding, ended map[string]syncjob.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range missing {
		status, gone := ended[h.JobID]
		if l := s.held[h.Claim]; gone && l != nil && !l.committed {
			l.log.WithField("status", string(status)).Warn("the job was taken from this claim; its attempt ends")
			s.end(l, errTaken)
		}
	}
}

// giveUpUnsure cancels the attempts whose lease may have ended for all we know.
func (s *leases) giveUpUnsure() {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.ledger.Settings().Lease - leaseMargin
	for _, l := range s.held {
		if l.ended.IsZero() && !l.committed && time.Since(l.extended) > limit {
			l.log.Warn("the lease could not be extended in time; the attempt ends")
			s.end(l, errUnsure)
		}
	}
}

// reportStuck ends the process if an attempt ignores its cancellation.
func (s *leases) reportStuck() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.held {
		if !l.ended.IsZero() && time.Since(l.ended) > stuckAfter {
			s.stuck("job " + l.holding.JobID + " did not end within " + stuckAfter.String() + " of its cancellation")
		}
	}
}

// cancelled notes that an attempt has been told to end, so that one which does
// not is found.
func (s *leases) cancelled(l *lease, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.ended.IsZero() {
		s.end(l, cause)
	}
}

func (s *leases) end(l *lease, cause error) {
	l.ended = time.Now()
	l.cancel(cause)
}
