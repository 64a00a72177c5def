package world

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/process"
)

// Role is what a process of the fleet does.
type Role string

// The roles.
const (
	Scheduler  Role = "scheduler"
	Worker     Role = "worker"
	Aggregator Role = "aggregator"
	API        Role = "api" // where a replica is read
)

// restartAfter is the pause of the supervisor before it starts a process again.
const restartAfter = 200 * time.Millisecond

// Member is one process of the fleet, under a supervisor.
type Member struct {
	*process.Process
	Role   Role
	Health string // the address of its /readyz and /metrics
	down   atomic.Bool
}

// HoldDown keeps the supervisor from starting the member again, until Release.
func (m *Member) HoldDown() { m.down.Store(true) }

// Release lets the supervisor start the member again.
func (m *Member) Release() { m.down.Store(false) }

// supervise starts a member again whenever it has ended, until ctx ends.
func (m *Member) supervise(ctx context.Context, failed func(error)) {
	pause := time.NewTicker(restartAfter)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.Ended():
		}
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		if m.down.Load() {
			continue
		}
		if err := m.Start(); err != nil {
			failed(err)
			return
		}
	}
}

// fleet is all members and their supervisors.
type fleet struct {
	mu          sync.Mutex
	members     []*Member
	supervisors sync.WaitGroup
	ctx         context.Context //nolint:containedctx // the supervisors' life, which is the world's
	stop        context.CancelFunc
	failed      chan error
}

func newFleet() *fleet {
	ctx, stop := context.WithCancel(context.Background())
	return &fleet{ctx: ctx, stop: stop, failed: make(chan error, 1)}
}

func (f *fleet) add(m *Member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members = append(f.members, m)
	f.supervisors.Go(func() {
		m.supervise(f.ctx, func(err error) {
			select {
			case f.failed <- err:
			default: // one is enough to end the run
			}
		})
	})
}

func (f *fleet) of(role Role) []*Member {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []*Member
	for _, m := range f.members {
		if m.Role == role && !m.down.Load() {
			found = append(found, m)
		}
	}
	return found
}

// close ends the supervisors and kills what is left.
func (f *fleet) close() error {
	f.stop()
	f.supervisors.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.members {
		_ = m.Signal(continueSignal) // one that was stopped cannot die
		if err := m.Kill(); err != nil {
			return err
		}
	}
	return nil
}

// StartMember starts another process of a role, under the supervisor.
func (w *World) StartMember(role Role, env []string, args ...string) (*Member, error) {
	health, err := freeAddress(w.ctx)
	if err != nil {
		return nil, err
	}
	name := string(role) + "-" + strconv.FormatInt(w.named.Add(1), 10)
	argv := append([]string{w.cfg.Binary, string(role), "--name", name, "--health", health}, args...)
	p, err := process.Start(process.Spec{
		Name: name, Argv: argv, Env: append(w.environment(role), env...), Logs: w.path("logs"),
	})
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	m := &Member{Process: p, Role: role, Health: health}
	w.fleet.add(m)
	return m, nil
}
