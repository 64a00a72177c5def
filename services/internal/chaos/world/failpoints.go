package world

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/shared/failpoint"
)

// Armed is a failpoint that waits for somebody to meet it.
type Armed struct{ path string }

// Arm makes the first process that meets the point (with the label, unless it is
// empty) do what the action says. A point that is armed already stays so.
func (w *World) Arm(point failpoint.Point, label string, action failpoint.Action) (*Armed, error) {
	return w.arm(point, label, string(action))
}

// ArmAlways does so for everybody who meets the point, until Disarm.
func (w *World) ArmAlways(point failpoint.Point, label string, action failpoint.Action) (*Armed, error) {
	return w.arm(point, label, "always "+string(action))
}

func (w *World) arm(point failpoint.Point, label, text string) (*Armed, error) {
	name := string(point)
	if label != "" {
		name += "@" + label
	}
	a := &Armed{path: filepath.Join(w.failpoints, name)}
	if _, err := a.struck(true); err != nil {
		return nil, err
	}
	// Written beside and renamed: nobody may read half of it.
	if err := os.WriteFile(a.path+".new", []byte(text), 0o644); err != nil { //nolint:gosec // no secret
		return nil, fmt.Errorf("arming %s: %w", name, err)
	}
	if err := os.Rename(a.path+".new", a.path); err != nil {
		return nil, fmt.Errorf("arming %s: %w", name, err)
	}
	return a, nil
}

// struck lists the processes that the point has struck, and forgets them if told.
func (a *Armed) struck(forget bool) ([]int, error) {
	evidence, err := filepath.Glob(a.path + ".hit.*")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, file := range evidence {
		pid, err := strconv.Atoi(file[strings.LastIndex(file, ".")+1:])
		if err != nil {
			return nil, fmt.Errorf("evidence %s: %w", file, err)
		}
		pids = append(pids, pid)
		if forget {
			if err := os.Remove(file); err != nil {
				return nil, err
			}
		}
	}
	return pids, nil
}

// AwaitStruck waits until the point has struck, and gives the process.
func (a *Armed) AwaitStruck(ctx context.Context) (pid int, err error) {
	err = Poll(ctx, "the failpoint "+filepath.Base(a.path)+" to strike", func() (bool, error) {
		pids, err := a.struck(false)
		if len(pids) > 0 {
			pid = pids[0]
		}
		return len(pids) > 0, err
	})
	return pid, err
}

// Disarm takes the point away if nobody has met it.
func (a *Armed) Disarm() error {
	if err := os.Remove(a.path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("disarming: %w", err)
	}
	return nil
}

// pollEvery is how often Poll asks.
const pollEvery = 50 * time.Millisecond

// Poll asks until the answer is yes or ctx ends. An error of the question ends it
// too; questions to a database that may be away answer no instead.
func Poll(ctx context.Context, what string, ask func() (bool, error)) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		ok, err := ask()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}
