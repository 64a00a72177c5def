package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is one running child. done is closed when it has ended, err is valid
// from then on.
type process struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
	err  error
}

// outputGrace bounds the wait for children of the child that keep its output
// open after it has ended.
const outputGrace = 2 * time.Second

// spawn starts a program from a thread that lives as long as the program: the
// kernel's parent-death signal is bound to the thread, not to the process.
func spawn(as account, dir string, out *output, program string, args ...string) (*process, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = as.sysProcAttr()
	cmd.WaitDelay = outputGrace

	p := &process{cmd: cmd, out: out, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return p, nil
}

// environment is this process's own without the variables that would change
// what Postgres does, and with messages in the language that is read here.
func environment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func (p *process) signal(sig syscall.Signal) {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.out.log.WithError(err).Warnf("sending %s to process %d failed", sig, p.cmd.Process.Pid)
	}
}

// exit is how the process ended, valid once done is closed.
func (p *process) exit() error {
	if p.err != nil {
		return p.err
	}
	return errors.New("exit status 0, without an error")
}
