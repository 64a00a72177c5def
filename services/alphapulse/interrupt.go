package main

import (
	"context"
	"errors"
	"os/signal"
	"syscall"
	"time"
)

// errInterrupted is the cause of a context that a person ended.
var errInterrupted = errors.New("interrupted")

// errPatience is the cause of a context whose time was over.
var errPatience = errors.New("time is over")

// interruptible is a context that ends with Ctrl-C, once: the second one ends
// the program at once. patience 0 means no limit. The cause is errInterrupted
// or errPatience.
func interruptible(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	signalled, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	caused, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(signalled, func() {
		stop()
		cancel(errInterrupted)
	})
	end := func() {
		unhook()
		stop()
		cancel(context.Canceled)
	}
	if patience <= 0 {
		return caused, end
	}
	bounded, cancelTimer := context.WithTimeoutCause(caused, patience, errPatience)
	return bounded, func() { cancelTimer(); end() }
}

// maybeBegun explains an interruption that came before the answer to a call that
// starts a run.
func maybeBegun(err error) error {
	if err != errInterrupted { //nolint:errorlint // a wrapped one has been explained
		return err
	}
	return errors.New("interrupted: the run may have begun already\n" +
		"  Next: `alphapulse runs list` shows it; the same command again joins it")
}
