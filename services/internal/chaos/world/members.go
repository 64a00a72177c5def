package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const continueSignal = syscall.SIGCONT

// Members are the processes of a role, without those that are held down.
func (w *World) Members(role Role) []*Member { return w.fleet.of(role) }

// OwnerOf is the worker that has a job in hand.
func (w *World) OwnerOf(c Claim) (*Member, error) {
	for _, m := range w.Members(Worker) {
		if m.Name() == c.Owner {
			return m, nil
		}
	}
	return nil, fmt.Errorf("no worker is called %q", c.Owner)
}

// ClaimsOf lists the jobs in hand of the process that had a process id in one of
// its lives.
func (w *World) ClaimsOf(ctx context.Context, pid int) ([]Claim, error) {
	for _, m := range w.Members(Worker) {
		if m.Had(pid) {
			return w.InFlight(ctx, m.Name())
		}
	}
	return nil, nil
}

// Terminate asks a member to stop, as a deploy does, and returns when it has
// ended; the supervisor starts it again. It reports how long that took.
func (w *World) Terminate(ctx context.Context, m *Member) (took time.Duration, err error) {
	ended, asked := m.Ended(), time.Now()
	if err := m.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case <-ended:
		return time.Since(asked), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%s does not stop: %w", m.Name(), context.Cause(ctx))
	}
}

// Retire stops members, for good or until they are released.
func (w *World) Retire(ctx context.Context, members ...*Member) error {
	var errs []error
	for _, m := range members {
		m.HoldDown()
		if m.PID() == 0 {
			continue
		}
		_, err := w.Terminate(ctx, m)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Tries is how often a job was tried and given back.
type Tries struct{ Attempt, Releases int }

// TriesOf reads how often a job was tried.
func (w *World) TriesOf(ctx context.Context, jobID string) (t Tries, err error) {
	err = w.DB.QueryRow(ctx, `SELECT attempt, releases FROM alphapulse.sync_jobs WHERE id = $1`, jobID).Scan(&t.Attempt, &t.Releases)
	return t, err
}

// AwaitRunEnd waits until a run has ended.
func (w *World) AwaitRunEnd(ctx context.Context, id string) error {
	return Poll(ctx, "the end of run "+id, func() (bool, error) {
		run, err := w.Ledger.Run(ctx, id)
		return err == nil && run.Status != syncjob.RunRunning, nil
	})
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free address: %w", err)
	}
	return l.Addr().String(), l.Close()
}

func silent() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

// MemberOf is the process that had a process id in one of its lives.
func (w *World) MemberOf(pid int) (*Member, error) {
	for _, role := range []Role{Scheduler, Worker, Aggregator, API} {
		for _, m := range w.Members(role) {
			if m.Had(pid) {
				return m, nil
			}
		}
	}
	return nil, fmt.Errorf("process %d is none of the fleet's", pid)
}

// EndedBy counts the jobs that an owner has begun and ended well since then.
func (w *World) EndedBy(ctx context.Context, owner string, since time.Time) (int, error) {
	return w.Count(ctx, `
SELECT count(*) FROM alphapulse.sync_jobs WHERE owner = $1 AND started_at > $2 AND status IN ('succeeded', 'partial')`, owner, since)
}
