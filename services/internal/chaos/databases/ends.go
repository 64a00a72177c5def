package databases

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/alphapulse/alphapulse/services/internal/process"
)

// Shutdown is a way to end a server that it takes part in.
type Shutdown syscall.Signal

const (
	// Fast ends all sessions, writes a checkpoint and ends: what an operator does.
	Fast = Shutdown(syscall.SIGINT)
	// Immediate ends without a checkpoint, so that the next life recovers; the
	// sessions get no error, but the end of their connection.
	Immediate = Shutdown(syscall.SIGQUIT)
)

// Stop ends this life and returns when it has ended. When ctx ends before, the
// server is still stopping; a paused one never stops.
func (s *Server) Stop(ctx context.Context, how Shutdown) error {
	ended, err := s.ask(syscall.Signal(how))
	if err != nil {
		return fmt.Errorf("stopping database %s: %w", s.cfg.Name, err)
	}
	select {
	case <-ended: // meanwhile it can be killed
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stopping database %s: %w", s.cfg.Name, context.Cause(ctx))
	}
}

func (s *Server) ask(sig syscall.Signal) (ended <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.signal(sig); err != nil {
		return nil, err
	}
	return s.proc.Ended(), nil
}

// Restart stops the server and begins its next life.
func (s *Server) Restart(ctx context.Context, how Shutdown) error {
	if err := s.Stop(ctx, how); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Kill ends the postmaster and all its children with SIGKILL, whatever they are
// doing, and returns when all are gone: before that no next life could begin. A
// server that is not running stays so.
func (s *Server) Kill(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.kill(ctx)
	if err != nil && !errors.Is(err, process.ErrNotRunning) && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing database %s: %w", s.cfg.Name, err)
	}
	return nil
}

func (s *Server) kill(ctx context.Context) error {
	children, err := s.halt(ctx)
	if err != nil {
		return err
	}
	// The children first: one that outlives the postmaster notices, and says so
	// to its client.
	if err := children.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if err := s.proc.Kill(); err != nil {
		return err
	}
	return children.await(ctx, gone)
}

// halt stops the postmaster, so that it neither forks nor notices an end, and
// names its children.
func (s *Server) halt(ctx context.Context) (family, error) {
	if err := s.signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	postmaster := family{identify(s.proc.PID())}
	if err := postmaster.await(ctx, stopped); err != nil {
		return nil, err
	}
	return childrenOf(postmaster[0].pid)
}

// Pause stops all processes of the server where they are: its connections stay
// open and silent, and new ones are not answered.
func (s *Server) Pause(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	children, err := s.halt(ctx)
	if err == nil {
		err = children.signal(syscall.SIGSTOP)
	}
	if err == nil {
		err = children.await(ctx, stopped)
	}
	if err != nil {
		return fmt.Errorf("pausing database %s: %w", s.cfg.Name, err)
	}
	return nil
}

// Continue ends a pause.
func (s *Server) Continue() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil || s.proc.PID() == 0 {
		return fmt.Errorf("continuing database %s: %w", s.cfg.Name, process.ErrNotRunning)
	}
	children, err := childrenOf(s.proc.PID())
	if err == nil {
		err = errors.Join(children.signal(syscall.SIGCONT), s.signal(syscall.SIGCONT))
	}
	if err != nil {
		return fmt.Errorf("continuing database %s: %w", s.cfg.Name, err)
	}
	return nil
}
