package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
)

// stopPatience is how long a process may take to end.
const stopPatience = 20 * time.Second

// prove runs the processes and judges what the stand-in counted.
func (s settings) prove(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "budgetproof")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Postgres refuses to run as root and must be able to enter.
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // see above
		return err
	}
	server, err := pgserver.Start(ctx, pgserver.Config{DataDir: filepath.Join(dir, "data")})
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		_ = server.Stop(stopping)
	}()
	if err := postgres.Migrate(ctx, server.URL(), nil); err != nil {
		return err
	}
	sim, err := exchangesim.New(exchangesim.Config{Seed: 1, Accounts: s.accounts, Limits: true})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() { _ = sim.Serve(serving, l) }()

	s.database, s.exchange = server.URL(), "http://"+l.Addr().String()
	ended, err := s.startAll(ctx)
	if err != nil {
		return err
	}
	if err := await(ctx, s.warm); err != nil {
		return errors.Join(err, ended())
	}
	sim.ResetStats()
	began := time.Now()
	err = await(ctx, s.during)
	stats, took := sim.Stats(), time.Since(began)
	if err := errors.Join(err, ended()); err != nil {
		return err
	}
	return s.judge(stats, took)
}

// startAll starts the processes. What it returns ends them.
func (s settings) startAll(ctx context.Context) (end func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var all []*exec.Cmd
	end = func() error {
		var faults []error
		for _, cmd := range all {
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
		for _, cmd := range all {
			faults = append(faults, cmd.Wait())
		}
		return errors.Join(faults...)
	}
	for i := range s.processes {
		cmd := exec.CommandContext(context.WithoutCancel(ctx), self, "-child", strconv.Itoa(i), //nolint:gosec // itself
			"-database", s.database, "-exchange", s.exchange, "-accounts", strconv.Itoa(s.accounts),
			"-processes", strconv.Itoa(s.processes), "-walkers", strconv.Itoa(s.walkers), "-live", strconv.Itoa(s.live),
			"-requests-per-second", strconv.FormatFloat(s.rate, 'f', -1, 64))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return nil, errors.Join(fmt.Errorf("starting process %d: %w", i, err), end())
		}
		all = append(all, cmd)
	}
	return end, nil
}

func await(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
