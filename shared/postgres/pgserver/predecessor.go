package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const pidFile = "postmaster.pid"

// predecessorGrace is how long a server whose parent was killed may take to
// finish its shutdown.
const predecessorGrace = 10 * time.Second

// awaitPredecessor deals with what an earlier server left: one that is still
// shutting down is waited for, one that runs on is named, and a pid file whose
// number now belongs to some other program is removed, since Postgres would
// take that program for a server.
func awaitPredecessor(ctx context.Context, dataDir string) error {
	deadline := time.Now().Add(predecessorGrace)
	for {
		pid, err := readPid(dataDir)
		if err != nil || pid == 0 || !alive(pid) {
			return err
		}
		if foreign(pid) {
			return removePidFile(dataDir)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: a Postgres server, process %d, runs on %s; stop it with `kill -INT %d`",
				ErrInUse, pid, dataDir, pid)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for Postgres process %d on %s to end: %w", pid, dataDir, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond): // another process's end sends no signal
		}
	}
}

// readPid returns 0 when there is no file, or one that was cut short by a crash.
func readPid(dataDir string) (int, error) {
	content, err := os.ReadFile(filepath.Join(dataDir, pidFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading who serves data directory %s: %w", dataDir, err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return 0, nil
	}
	return pid, nil
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// foreign is true only when it is certain that the process is not Postgres;
// without /proc nothing is certain, and Postgres's own check decides.
func foreign(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return false
	}
	switch strings.TrimSpace(string(name)) {
	case "postgres", "postmaster":
		return false
	}
	return true
}

func removePidFile(dataDir string) error {
	if err := os.Remove(filepath.Join(dataDir, pidFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the stale %s: %w", pidFile, err)
	}
	return nil
}
