package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Spec is what to run.
type Spec struct {
	Name string   // in messages, and of the file that keeps what it writes
	Argv []string // the program and its arguments
	Env  []string // all of it, beside PATH, HOME and TMPDIR
	Dir  string   // working directory; "" is the parent's
	Logs string   // directory of <Name>.log
	// Credential, if set, is the user that it runs as.
	Credential *syscall.Credential
}

// Process is a command with several lives.
type Process struct {
	spec Spec
	log  string

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{} // closed when this life has ended
	code  int           // of the life that ended last; -1: by a signal
	pids  []int         // of all lives, in order
}

// ErrRunning and ErrNotRunning: the process is in the other state.
var (
	ErrRunning    = errors.New("the process is running")
	ErrNotRunning = errors.New("the process is not running")
)

// Start begins the first life.
func Start(spec Spec) (*Process, error) {
	p := &Process{spec: spec, log: filepath.Join(spec.Logs, spec.Name+".log"), ended: make(chan struct{})}
	close(p.ended) // until it runs
	return p, p.Start()
}

// Start begins another life.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return fmt.Errorf("starting %s: %w", p.spec.Name, ErrRunning)
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // read by people
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.spec.Name, err)
	}
	defer out.Close()                                       //nolint:errcheck // the child has its own
	cmd := exec.Command(p.spec.Argv[0], p.spec.Argv[1:]...) //nolint:gosec // our own programs
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.spec.Dir, out, out
	cmd.Env = inherit(p.spec.Env)
	if p.spec.Credential != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.spec.Credential}
	}
	dieWithParent(cmd)
	ended := make(chan struct{})
	if err := p.run(cmd, ended); err != nil {
		return fmt.Errorf("starting %s: %w", p.spec.Name, err)
	}
	p.cmd, p.ended = cmd, ended
	p.pids = append(p.pids, cmd.Process.Pid)
	return nil
}

// run starts the command on a thread of its own and waits for it there: a child
// lives as long as its parent thread (parent_linux.go), and other threads of a
// Go program come and go.
func (p *Process) run(cmd *exec.Cmd, ended chan<- struct{}) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in ProcessState
		p.mu.Lock()
		defer p.mu.Unlock()
		p.cmd, p.code = nil, cmd.ProcessState.ExitCode()
		close(ended)
	}()
	return <-started
}

func inherit(env []string) []string {
	all := slices.Clone(env)
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			all = append(all, name+"="+value)
		}
	}
	return all
}

// Name is the process's name.
func (p *Process) Name() string { return p.spec.Name }

// Log is the file that keeps what the process wrote.
func (p *Process) Log() string { return p.log }

// PID of this life; 0 if it is not running.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Lives is how often the process was started.
func (p *Process) Lives() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pids)
}

// Had reports whether one of the lives had the process id.
func (p *Process) Had(pid int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.pids, pid)
}

// Ended is closed when this life has ended; it is closed already if the process
// is not running.
func (p *Process) Ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// ExitCode of the life that ended last; -1 if a signal ended it.
func (p *Process) ExitCode() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code
}

// Signal sends a signal: SIGSTOP and SIGCONT among them.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return fmt.Errorf("signalling %s: %w", p.spec.Name, ErrNotRunning)
	}
	return p.cmd.Process.Signal(s)
}

// Kill ends this life with SIGKILL and returns when it has ended. A process that
// is not running stays so.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, ErrNotRunning) && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s: %w", p.spec.Name, err)
	}
	<-p.Ended()
	return nil
}

// Stop ends this life with a signal, and with SIGKILL when the patience is over;
// then it reports false.
func (p *Process) Stop(s syscall.Signal, patience time.Duration) (orderly bool, err error) {
	if err := p.Signal(s); err != nil {
		return false, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.Ended():
		return true, nil
	case <-timer.C:
		return false, p.Kill()
	}
}
