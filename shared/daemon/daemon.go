package daemon

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	// DefaultGrace is how long components may finish what they hold after the
	// stop was asked for. Together with DefaultAbandon it stays below the five
	// seconds within which Ctrl-C must end the program.
	DefaultGrace = 3 * time.Second

	// DefaultAbandon is how long components may take to return once their
	// work context has ended.
	DefaultAbandon = 1500 * time.Millisecond
)

// Component is one part of a process that runs until it is told to stop.
type Component struct {
	// Name identifies the component in logs and errors.
	Name string

	// Background marks a component that serves the others (health endpoints,
	// heartbeats): it is expected to run until work ends, and work ends as
	// soon as every component that is not in the background has returned.
	Background bool

	// Run does the component's work. It returns nil when it has ended in
	// order; when take ends it accepts nothing new, and when work ends it
	// returns without delay. Returning, with or without an error, stops the
	// whole process.
	Run func(take, work context.Context) error
}

// Daemon is a process: components that live and die together.
type Daemon struct {
	// Log receives one line for each step of the stop. Nil discards them.
	Log *logrus.Entry

	// Components are started together, in no particular order.
	Components []Component

	// Grace is the time between the end of take and the end of work;
	// DefaultGrace when zero.
	Grace time.Duration

	// Abandon is the time between the end of work and giving up on components
	// that do not return; DefaultAbandon when zero.
	Abandon time.Duration

	// Signals replaces SIGINT and SIGTERM of the process, for tests and for
	// programs that read signals themselves.
	Signals <-chan os.Signal

	// Exit replaces os.Exit for the second signal. When it returns, Run
	// returns as well, without waiting for the components.
	Exit func(code int)
}

// Run starts every component and returns when all of them have ended, or when
// those that have not are given up (see the package documentation).
//
// It returns nil after a stop that was asked for, by a signal or by ctx, when
// no component failed on the way, and also when a component ended by itself
// without an error. Otherwise it returns the components' errors, joined, each
// with its component's name. An error that only repeats the end of a context
// does not count once the stop has begun.
//
// Ending ctx asks for a stop; it does not cut work short. Its values reach the
// components.
func (d Daemon) Run(ctx context.Context) error {
	if len(d.Components) == 0 {
		return errors.New("daemon: nothing to run")
	}

	if d.Log == nil {
		d.Log = discardLog()
	}

	if d.Grace <= 0 {
		d.Grace = DefaultGrace
	}

	if d.Abandon <= 0 {
		d.Abandon = DefaultAbandon
	}

	if d.Exit == nil {
		d.Exit = os.Exit //nolint:forbidigo // this is the one that ends the process
	}

	if d.Signals == nil {
		// Room for two: a signal that arrives while the first is being
		// handled must not be dropped.
		signals := make(chan os.Signal, 2)

		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
		defer signal.Stop(signals)

		d.Signals = signals
	}

	return newSupervisor(ctx, d).run(ctx)
}

func discardLog() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)

	return logrus.NewEntry(log)
}
