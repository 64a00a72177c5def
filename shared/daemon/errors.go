package daemon

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

var (
	// ErrGraceOver is the cause of a work context that ended because the
	// grace period was over.
	ErrGraceOver = errors.New("grace period over")

	// ErrAllEnded is the cause of a work context that ended because nothing
	// in the foreground was left to wait for.
	ErrAllEnded = errors.New("all components have ended")

	// errGoexit stands for a component whose goroutine was ended under it, as
	// testing.T.FailNow does.
	errGoexit = errors.New("goroutine ended by runtime.Goexit")
)

// SignalError is the cause of a take context that was ended by a signal.
type SignalError struct {
	Signal os.Signal
}

// Error names the signal.
func (e *SignalError) Error() string { return "stopped by signal: " + e.Signal.String() }

// ExitCode is the shell's convention for a process ended by a signal: 128 plus
// its number, so 130 for SIGINT and 143 for SIGTERM.
func (e *SignalError) ExitCode() int {
	if number, ok := e.Signal.(syscall.Signal); ok {
		return 128 + int(number)
	}

	return 1
}

// EndedError is the cause of a take context that ended because a component
// returned before anyone asked for a stop.
type EndedError struct {
	Component string
	Err       error
}

// Error names the component and, if it failed, why.
func (e *EndedError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("component %s ended", e.Component)
	}

	return fmt.Sprintf("component %s failed: %v", e.Component, e.Err)
}

// Unwrap is the error that the component returned.
func (e *EndedError) Unwrap() error { return e.Err }

// StuckError names the components that had not returned when Run gave up.
type StuckError struct {
	Components []string
}

// Error names the components.
func (e *StuckError) Error() string {
	return "still running after the stop: " + strings.Join(e.Components, ", ")
}

// ExitCode is the code with which a program ends for an error: 0 for none,
// the code of the outermost error in the chain that has an ExitCode method
// (2 for a [SettingsError], as for any wrong use), and 1 for everything else.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}

	var coded interface {
		error
		ExitCode() int
	}
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}

	return 1
}
