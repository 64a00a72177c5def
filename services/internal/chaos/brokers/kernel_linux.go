package brokers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// errMoving: a process that was stopped has not stopped yet.
var errMoving = errors.New("the process has not stopped yet")

// limitFiles limits the length of the files that a process writes; nil lifts it.
func limitFiles(pid int, ceiling *uint64) error {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	if ceiling != nil {
		limit.Cur = min(*ceiling, limit.Max)
	}
	return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &limit, nil)
}

// standsStill reports nil when a process is stopped.
func standsStill(_ context.Context, pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return err
	}
	// pid (name) state …, and the name may hold anything.
	if after := stat[bytes.LastIndexByte(stat, ')')+1:]; len(after) < 2 || after[1] != 'T' {
		return errMoving
	}
	return nil
}
