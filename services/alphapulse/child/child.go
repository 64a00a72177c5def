// Package child starts processes of this program that end with the one that started
// them, however that ends.
//
// A child is told so twice: the kernel ends it with the thread that started it, where
// there is such a signal, and a pipe whose other end the parent holds is closed. A
// terminal's Ctrl-C does not reach it: the parent decides when it stops.
package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// How a child knows that it is one: the variable says so, and the descriptor is the
// end of a pipe whose other end the parent holds.
const (
	ParentVariable   = "ALPHAPULSE_PARENT"
	ParentPipe       = "pipe"
	ParentDescriptor = 3
)

// The addresses of the sockets that a child is handed behind the pipe.
const (
	FirstSocket  = "fd:4"
	SecondSocket = "fd:5"
)

// waitDelay is how long what a child has started may hold its output open.
const waitDelay = time.Second

// Spec is a process to be started.
type Spec struct {
	Program       string
	Args, Environ []string
	Pipe          *os.File   // the child's end of the pipe
	Sockets       []*os.File // FirstSocket and those behind it
	Out           io.Writer  // for both of its outputs
}

// Process is a child.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts a process from a thread that lives as long as it: the kernel's
// parent-death signal is bound to the thread, not to the process.
func Start(s Spec) (*Process, error) {
	p := &Process{cmd: exec.Command(s.Program, s.Args...), done: make(chan struct{})} //nolint:gosec // our own program
	p.cmd.Env = append(slices.Clone(s.Environ), ParentVariable+"="+ParentPipe)
	p.cmd.ExtraFiles = append([]*os.File{s.Pipe}, s.Sockets...)
	p.cmd.Stdout, p.cmd.Stderr = s.Out, s.Out
	p.cmd.SysProcAttr = attributes()
	p.cmd.WaitDelay = waitDelay
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.Program, err)
	}
	return p, nil
}

// PID is the process id, also when it has ended.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how it ended, once Done is closed; nil: without a fault.
func (p *Process) Err() error { return p.err }

// Signal reports a failure only if the process has not ended by itself.
func (p *Process) Signal(sig syscall.Signal) error {
	err := p.cmd.Process.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
