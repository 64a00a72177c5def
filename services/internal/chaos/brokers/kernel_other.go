//go:build !linux

package brokers

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
)

var errMoving = errors.New("the process has not stopped yet")

// limitFiles exists on Linux only: elsewhere nobody limits another process.
func limitFiles(int, *uint64) error { return errors.ErrUnsupported }

// standsStill reports nil when a process is stopped.
func standsStill(ctx context.Context, pid int) error {
	state, err := exec.CommandContext(ctx, "ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec // a number
	if err != nil {
		return err
	}
	if !strings.HasPrefix(strings.TrimSpace(string(state)), "T") {
		return errMoving
	}
	return nil
}
