package up

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How a child knows that it is one: the variable says so, and the descriptor is
// the end of a pipe whose other end this process holds.
const (
	ParentVariable   = "ALPHAPULSE_PARENT"
	ParentPipe       = "pipe"
	ParentDescriptor = 3
)

// childHealth is the address of a child's endpoints: the socket that it is handed
// behind the pipe.
const childHealth = "fd:4"

// maxTail is how much of a child's last words is kept.
const maxTail = 8 << 10

// child is one running worker process.
type child struct {
	cmd  *exec.Cmd
	tail *tail
	done chan struct{} // closed when it has ended
	err  error         // how; valid once done is closed
}

// startChild starts a program from a thread that lives as long as the program:
// the kernel's parent-death signal is bound to the thread, not to the process.
func startChild(program string, args, environ []string, pipe, health *os.File) (*child, error) {
	c := &child{cmd: exec.Command(program, args...), tail: &tail{}, done: make(chan struct{})}
	c.cmd.Env = append(slices.Clone(environ), ParentVariable+"="+ParentPipe) // every child appends to its own
	c.cmd.ExtraFiles = []*os.File{pipe, health}
	c.cmd.Stdout, c.cmd.Stderr = c.tail, c.tail
	c.cmd.SysProcAttr = childAttributes()
	c.cmd.WaitDelay = time.Second
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return c, nil
}

// signal reports a failure only if the child has not ended by itself.
func (c *child) signal(sig syscall.Signal) error {
	err := c.cmd.Process.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// reason is how the child ended, with the last line it printed.
func (c *child) reason() string {
	how := "ended without an error"
	if c.err != nil {
		how = c.err.Error()
	}
	if line := c.tail.lastLine(); line != "" {
		how += ": " + line
	}
	return how
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - maxTail; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// lastLine leaves out a stack: the first line of a panic says what happened.
func (t *tail) lastLine() string {
	lines := strings.Split(t.String(), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
	}
	return lines[len(lines)-1]
}
