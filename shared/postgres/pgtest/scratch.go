package pgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	directoryPrefix = "alphapulse-pgtest-"
	ownerFile       = "owner.lock"
	// settled is the age below which a directory may belong to a process that
	// has not locked it yet.
	settled = time.Minute
)

// Dir is a directory for a Postgres of t's own. Unlike t.TempDir it can be
// entered by the user that Postgres runs as when the tests run as root. It is
// in memory where there is plenty, and removed with t.
func Dir(t testing.TB) string {
	t.Helper()
	s, err := makeScratch()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.remove()) })
	return s.dir
}

// scratch is a directory that is locked while its process lives, so that what
// a killed one leaves can be told from what is in use.
type scratch struct {
	dir   string
	owner *os.File
}

func makeScratch() (*scratch, error) {
	sweepAbandoned()
	dir, err := os.MkdirTemp(scratchDir(), directoryPrefix)
	if err != nil {
		return nil, fmt.Errorf("creating a directory for a test server: %w", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, fmt.Errorf("opening the test server's directory: %w", err)
	}
	owner, err := os.Create(filepath.Join(dir, ownerFile))
	if err == nil {
		err = unix.Flock(int(owner.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		return nil, fmt.Errorf("locking the test server's directory: %w", err)
	}
	return &scratch{dir: dir, owner: owner}, nil
}

func (s *scratch) remove() error { return errors.Join(os.RemoveAll(s.dir), s.owner.Close()) }

// sweepAbandoned removes the directories of test binaries that were killed.
// What cannot be removed is left to the next sweep.
func sweepAbandoned() {
	dirs, err := filepath.Glob(filepath.Join(scratchDir(), directoryPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err == nil && time.Since(info.ModTime()) > settled && abandoned(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}

func abandoned(dir string) bool {
	owner, err := os.OpenFile(filepath.Join(dir, ownerFile), os.O_RDWR, 0)
	if err != nil {
		return os.IsNotExist(err)
	}
	defer owner.Close()
	return unix.Flock(int(owner.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
