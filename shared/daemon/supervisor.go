package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// ended reports that the component at an index has returned.
type ended struct {
	index int
	err   error
}

// supervisor is the state of one Daemon.Run. Only the goroutine of Run touches
// it; components speak to it through the results channel, which has room for
// all of them, so that an abandoned component never blocks on it.
type supervisor struct {
	Daemon

	work, take               context.Context
	stopWorking, stopTaking  context.CancelCauseFunc
	results                  chan ended
	running                  []bool
	graceTimer, abandonTimer *time.Timer
	signals                  int
	errs                     []error
}

func newSupervisor(ctx context.Context, d Daemon) *supervisor {
	s := &supervisor{
		Daemon:  d,
		results: make(chan ended, len(d.Components)),
		running: make([]bool, len(d.Components)),
	}
	s.work, s.stopWorking = context.WithCancelCause(context.WithoutCancel(ctx))
	s.take, s.stopTaking = context.WithCancelCause(s.work)

	return s
}

func (s *supervisor) run(ctx context.Context) error {
	defer s.release()

	for index, component := range s.Components {
		s.running[index] = true

		go s.start(index, component)
	}

	for slices.Contains(s.running, true) {
		select {
		case result := <-s.results:
			s.onEnded(result)
		case <-s.asked(ctx):
			s.stop(context.Cause(ctx))
		case received := <-s.Signals:
			if s.onSignal(received) {
				return &SignalError{Signal: received}
			}
		case <-expiry(s.graceTimer):
			s.endWork(ErrGraceOver)
		case <-expiry(s.abandonTimer):
			return s.abandon()
		}
	}

	return errors.Join(s.errs...)
}

func (s *supervisor) start(index int, component Component) {
	// The error stands unless Run returns: runtime.Goexit runs only defers.
	result := ended{index, errGoexit}

	defer func() { s.results <- result }()

	result.err = Guard(func() error { return component.Run(s.take, s.work) })
}

// asked is the caller's wish to stop; nil, which blocks for ever, once it was
// heard.
func (s *supervisor) asked(ctx context.Context) <-chan struct{} {
	if s.take.Err() != nil {
		return nil
	}

	return ctx.Done()
}

func (s *supervisor) onEnded(result ended) {
	component := s.Components[result.index]
	s.running[result.index] = false
	log := s.Log.WithField("component", component.Name)

	var panicked *PanicError
	if errors.As(result.err, &panicked) {
		log = log.WithField("stack", string(panicked.Stack))
	}

	switch {
	case result.err != nil && !s.isStop(result.err):
		s.errs = append(s.errs, fmt.Errorf("%s: %w", component.Name, result.err))
		log.WithError(result.err).Error("component failed")
	case s.take.Err() == nil:
		log.Info("component ended by itself")
	default:
		log.Debug("component ended")
	}

	s.stop(&EndedError{Component: component.Name, Err: result.err})

	if !s.foregroundRuns() {
		s.endWork(ErrAllEnded)
	}
}

// isStop tells the error that a component returns because it was told to stop
// from one that is a failure of its own.
func (s *supervisor) isStop(err error) bool {
	if s.take.Err() == nil {
		return false
	}

	return errors.Is(err, context.Canceled) ||
		errors.Is(err, context.Cause(s.take)) ||
		errors.Is(err, ErrGraceOver) ||
		errors.Is(err, ErrAllEnded)
}

// onSignal answers whether the process is to end at once.
func (s *supervisor) onSignal(received os.Signal) bool {
	s.signals++
	log := s.Log.WithField("signal", received.String())

	if s.signals > 1 {
		log.Warn("second signal: exiting at once")
		s.Exit((&SignalError{Signal: received}).ExitCode())

		return true
	}

	log.WithField("grace", s.Grace.String()).Info("stopping; a second signal exits at once")
	s.stop(&SignalError{Signal: received})

	return false
}

// stop ends take and starts the grace period; a second call changes nothing.
func (s *supervisor) stop(cause error) {
	if s.take.Err() != nil {
		return
	}

	s.stopTaking(cause)
	s.graceTimer = time.NewTimer(s.Grace)

	if !s.foregroundRuns() {
		s.endWork(ErrAllEnded)
	}
}

func (s *supervisor) endWork(cause error) {
	if s.work.Err() != nil {
		return
	}

	if errors.Is(cause, ErrGraceOver) {
		s.Log.WithField("components", s.stillRunning()).Warn("grace period over: ending the work in hand")
	}

	s.graceTimer.Stop()
	s.stopWorking(cause)
	s.abandonTimer = time.NewTimer(s.Abandon)
}

func (s *supervisor) abandon() error {
	stuck := &StuckError{Components: s.stillRunning()}
	s.Log.WithError(stuck).Error("giving up on components that do not stop")

	return errors.Join(append(s.errs, stuck)...)
}

func (s *supervisor) foregroundRuns() bool {
	for index, component := range s.Components {
		if s.running[index] && !component.Background {
			return true
		}
	}

	return false
}

func (s *supervisor) stillRunning() []string {
	var names []string

	for index, component := range s.Components {
		if s.running[index] {
			names = append(names, component.Name)
		}
	}

	return names
}

func (s *supervisor) release() {
	s.stopTaking(ErrAllEnded)
	s.stopWorking(ErrAllEnded)

	for _, timer := range []*time.Timer{s.graceTimer, s.abandonTimer} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// expiry is the timer's channel; nil, which blocks for ever, for a timer that
// has not been started.
func expiry(timer *time.Timer) <-chan time.Time {
	if timer == nil {
		return nil
	}

	return timer.C
}
