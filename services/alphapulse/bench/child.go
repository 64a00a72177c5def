package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/alphapulse/alphapulse/services/alphapulse/up"
	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	// childHealth is where a process shows its metrics: the socket that it is handed
	// behind the pipe; childHTTP the one behind that.
	childHealth = "fd:4"
	childHTTP   = "fd:5"

	// startTime bounds the start of a process, endTime its stop.
	startTime = time.Minute
	endTime   = 20 * time.Second
	// lookEvery is how often is looked whether something has come about that sends
	// no signal.
	lookEvery = 20 * time.Millisecond
)

// child is one process of the program.
type child struct {
	name   string
	cmd    *exec.Cmd
	health string // its metrics' address
	log    string
	done   chan struct{} // closed when it has ended
	err    error         // how; valid once done is closed
}

// startChild starts a command of the program and returns when it is ready. It is
// handed more sockets as told.
func (m *machine) startChild(ctx context.Context, name string, args []string, sockets ...*os.File) (*child, error) {
	health, address, err := newSocket()
	if err != nil {
		return nil, err
	}
	defer health.Close() //nolint:errcheck // the child has its own
	c := &child{name: name, health: "http://" + address, log: m.file("logs", name+".log"), done: make(chan struct{})}
	args = append(args, "--name", "bench-"+name, "--health", childHealth, "--log-level", m.cfg.LogLevel, "--log-file", c.log)
	c.cmd = exec.Command(m.cfg.Program, args...) //nolint:gosec // our own program, which stop ends
	c.cmd.Env = m.childEnviron()
	c.cmd.ExtraFiles = append([]*os.File{m.pipe, health}, sockets...)
	c.cmd.SysProcAttr = childAttributes()
	out, err := os.OpenFile(m.file("logs", name+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() //nolint:errcheck // the child has its own
	c.cmd.Stdout, c.cmd.Stderr = out, out
	if err := c.begin(); err != nil {
		return nil, err
	}
	if err := c.awaitReady(ctx); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// begin starts the process from a thread that lives as long as it: the kernel ends
// a child with the thread that started it.
func (c *child) begin() error {
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
		return fmt.Errorf("starting %s: %w", c.name, err)
	}
	return nil
}

// childEnviron is our own environment without settings of ours and secrets that a
// child does not need.
func (m *machine) childEnviron() []string {
	var environ []string
	for _, entry := range m.cfg.Environ {
		name, _, _ := strings.Cut(entry, "=")
		drop := strings.HasPrefix(name, "ALPHAPULSE_") || strings.HasPrefix(name, "BYBIT_API_") ||
			strings.HasPrefix(name, "DATABASE_") || strings.HasPrefix(name, "NATS_")
		if !drop {
			environ = append(environ, entry)
		}
	}
	return append(environ,
		"DATABASE_URL="+m.databaseURL, "NATS_URL="+m.natsURL, vault.PrivateKeySetting+"_FILE="+m.vaultKey,
		up.ParentVariable+"="+up.ParentPipe)
}

// newSocket binds a free address on loopback, to be handed down.
func newSocket() (*os.File, string, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, "", fmt.Errorf("binding an address for a process: %w", err)
	}
	file, err := listener.File() // a duplicate: the socket stays open
	if err := errors.Join(err, listener.Close()); err != nil {
		return nil, "", fmt.Errorf("keeping an address for a process: %w", err)
	}
	return file, listener.Addr().String(), nil
}

func (c *child) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("%s is not ready within %s", c.name, startTime))
	defer cancel()
	return look(ctx, func() (bool, error) {
		select {
		case <-c.done:
			return false, fmt.Errorf("%s has ended: %w; its log is %s", c.name, c.ending(), c.log)
		default:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.health+"/readyz", http.NoBody)
		if err != nil {
			return false, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false, nil // it does not listen yet
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK, nil
	})
}

// errEnded: a process that is to live until it is stopped has ended without a fault.
var errEnded = errors.New("by itself")

// ending is how a process that is done has ended.
func (c *child) ending() error { return cmp.Or(c.err, errEnded) }

// look asks until the answer is yes, an error, or the end of ctx.
func look(ctx context.Context, ok func() (bool, error)) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		yes, err := ok()
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// stop ends the process, at the latest by force.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	timer := time.NewTimer(endTime)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}
