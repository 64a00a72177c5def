package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

const (
	// minRetry is the pause after a first failure; it doubles up to the loop's
	// own bound.
	minRetry = 250 * time.Millisecond
	// remindEvery is how often a failure that goes on is logged again.
	remindEvery = 30 * time.Second
)

// loop repeats one step until it is told to stop. It runs the step again when
// the pause that the step asked for is over, or when it is woken; after a
// failure it waits, whoever wakes it, so that nothing spins while Postgres or
// the broker is away. Only the return of Postgres ends that wait.
type loop struct {
	name string
	// step does the work and says how long nothing will be to do; 0 is "more".
	step func(ctx context.Context) (time.Duration, error)
	// ended is told how each step went.
	ended func(loop string, err error)
	// maxRetry bounds the pause after failures.
	maxRetry time.Duration
	// rest is how long after the begin of a step a kick starts the next one at the
	// soonest, so that many small kicks under load become few steps.
	rest  time.Duration
	log   *logrus.Entry
	wake  chan struct{}
	again chan struct{}
}

func newLoop(
	name string, maxRetry time.Duration, log *logrus.Entry, step func(context.Context) (time.Duration, error),
) *loop {
	return &loop{
		name: name, step: step, ended: func(string, error) {}, maxRetry: max(maxRetry, minRetry),
		log: log.WithField("loop", name), wake: make(chan struct{}, 1), again: make(chan struct{}, 1),
	}
}

// kick makes the loop run its step soon. It never blocks.
func (l *loop) kick() {
	select {
	case l.wake <- struct{}{}:
	default: // it will run anyway
	}
}

// retry ends the pause after a failure: what the step needs is back. It never
// blocks.
func (l *loop) retry() {
	select {
	case l.again <- struct{}{}:
	default:
	}
}

// run repeats the step until take ends. A step in hand goes on until work ends.
func (l *loop) run(take, work context.Context) {
	var trouble trouble
	for take.Err() == nil {
		began := time.Now()
		pause, err := l.once(work)
		wake, again := l.wake, (chan struct{})(nil)
		if err != nil {
			if work.Err() != nil {
				return
			}
			trouble.met(l.log, err)
			pause, wake, again = trouble.pause(l.maxRetry), nil, l.again
		} else {
			trouble.over(l.log)
		}
		if pause <= 0 {
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-take.Done():
		case <-wake:
			l.takeRest(take, timer, began)
		case <-again:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// takeRest waits until the loop has rested since the begin of its last step.
func (l *loop) takeRest(take context.Context, timer *time.Timer, began time.Time) {
	left := l.rest - time.Since(began)
	if left <= 0 {
		return
	}
	timer.Reset(left)
	select {
	case <-take.Done():
	case <-timer.C:
	}
	select {
	case <-l.wake: // the step that begins now looks for this one too
	default:
	}
}

// once runs the step; a panic in it is an error like others.
func (l *loop) once(ctx context.Context) (pause time.Duration, err error) {
	err = daemon.Guard(func() error {
		pause, err = l.step(ctx)
		return err
	})
	l.ended(l.name, err)
	return pause, err
}

// trouble is a row of failures, so that one cause is not logged four times a
// second for as long as it lasts.
type trouble struct {
	failures int
	text     string
	logged   time.Time
	retry    time.Duration
}

// met logs a failure that is new, or that goes on for long.
func (t *trouble) met(log *logrus.Entry, err error) {
	t.failures++
	if text := err.Error(); text == t.text && time.Since(t.logged) < remindEvery {
		return
	}
	t.text, t.logged = err.Error(), time.Now()
	var panicked *daemon.PanicError
	if errors.As(err, &panicked) {
		log = log.WithField("stack", string(panicked.Stack))
	}
	log.WithError(err).WithField("failures", t.failures).Warn("step failed; it is tried again")
}

func (t *trouble) pause(longest time.Duration) time.Duration {
	t.retry = min(max(2*t.retry, minRetry), longest)
	return t.retry
}

func (t *trouble) over(log *logrus.Entry) {
	if t.failures > 0 {
		log.WithField("failures", t.failures).Info("step works again")
	}
	*t = trouble{}
}
