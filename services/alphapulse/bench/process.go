package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/alphapulse/alphapulse/services/alphapulse/child"
	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	// startTime bounds the start of a process, endTime its stop.
	startTime = time.Minute
	endTime   = 20 * time.Second
	// lookEvery is how often is looked whether something has come about that sends
	// no signal.
	lookEvery = 20 * time.Millisecond
)

// process is one process of the program.
type process struct {
	*child.Process
	name   string
	health string // its metrics' address
	log    string
}

// start starts a command of the program and returns when it is ready. It is
// handed more sockets as told.
func (m *machine) start(ctx context.Context, name string, args []string, sockets ...*os.File) (*process, error) {
	health, address, err := newSocket()
	if err != nil {
		return nil, err
	}
	defer health.Close() //nolint:errcheck // the child has its own
	p := &process{name: name, health: "http://" + address, log: m.file("logs", name+".log")}
	out, err := os.OpenFile(m.file("logs", name+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() //nolint:errcheck // the child has its own
	p.Process, err = child.Start(child.Spec{
		Program: m.cfg.Program, Environ: m.childEnviron(), Out: out, Pipe: m.pipe,
		Args:    append(args, "--name", "bench-"+name, "--health", child.FirstSocket, "--log-level", m.cfg.LogLevel, "--log-file", p.log),
		Sockets: append([]*os.File{health}, sockets...),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := p.awaitReady(ctx); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
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
		"DATABASE_URL="+m.databaseURL, "NATS_URL="+m.natsURL, vault.PrivateKeySetting+"_FILE="+m.vaultKey)
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

func (p *process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("%s is not ready within %s", p.name, startTime))
	defer cancel()
	return look(ctx, func() (bool, error) {
		select {
		case <-p.Done():
			return false, fmt.Errorf("%s has ended: %w; its log is %s", p.name, p.ending(), p.log)
		default:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.health+"/readyz", http.NoBody)
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
func (p *process) ending() error { return cmp.Or(p.Err(), errEnded) }

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
func (p *process) stop() {
	_ = p.Signal(syscall.SIGTERM) // force follows
	timer := time.NewTimer(endTime)
	defer timer.Stop()
	select {
	case <-p.Done():
	case <-timer.C:
		_ = p.Signal(syscall.SIGKILL)
		<-p.Done()
	}
}
