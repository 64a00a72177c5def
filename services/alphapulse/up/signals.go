package up

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

// signals tells the first signal from the second, from the first step of the
// start to the last of the stop.
type signals struct {
	received chan os.Signal
	first    chan os.Signal // for the daemon
	starting context.CancelCauseFunc
	stopped  atomic.Bool
}

// catchSignals ends the returned context with the first signal; the second one
// calls atOnce, which does not return.
func catchSignals(ctx context.Context, atOnce func(code int)) (context.Context, *signals) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &signals{received: make(chan os.Signal, 2), first: make(chan os.Signal, 1), starting: cancel}
	signal.Notify(s.received, syscall.SIGINT, syscall.SIGTERM)
	go s.watch(atOnce)
	return ctx, s
}

func (s *signals) watch(atOnce func(code int)) {
	for received := range s.received {
		if s.stopped.Swap(true) {
			atOnce((&daemon.SignalError{Signal: received}).ExitCode())
			return
		}
		s.first <- received
		s.starting(&daemon.SignalError{Signal: received})
	}
}

func (s *signals) end() {
	signal.Stop(s.received)
	close(s.received)
	s.starting(nil)
}
