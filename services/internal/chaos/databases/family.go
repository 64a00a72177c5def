package databases

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// member is one process of a server. Since is when it began, in a unit of the
// system's: a later process with the same number has another.
type member struct {
	pid   int
	since string
}

// family is some of them.
type family []member

// state is what the system says of a process: 'R', 'S', 'T' (stopped), 'Z'
// (ended, not yet buried); 0 when there is none.
type state byte

func gone(s state) bool    { return s == 0 || s == 'Z' || s == 'X' }
func stopped(s state) bool { return gone(s) || s == 'T' || s == 't' }

// signal sends one to each that still is; children of a server become ours to
// signal by number alone, since their parent is stopped and buries nobody.
func (f family) signal(sig syscall.Signal) error {
	var errs []error
	for _, m := range f {
		if err := syscall.Kill(m.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("sending %s to process %d: %w", sig, m.pid, err))
		}
	}
	return errors.Join(errs...)
}

// await waits until all are in a state; the system sends no signal of it for
// processes that are not our children.
func (f family) await(ctx context.Context, reached func(state) bool) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for _, m := range f {
		for !reached(m.state()) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting for process %d: %w", m.pid, context.Cause(ctx))
			case <-ticker.C:
			}
		}
	}
	return nil
}

// state of a member.
func (m member) state() state {
	now, s, _ := look(m.pid)
	if now != m {
		return 0
	}
	return s
}

func identify(pid int) member {
	m, _, _ := look(pid)
	return m
}
