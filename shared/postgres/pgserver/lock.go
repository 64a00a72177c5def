package pgserver

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dirLock keeps two parents from one data directory, from before initdb on.
// The kernel drops it with the process, however that ends.
type dirLock struct{ file *os.File }

func lockPath(dataDir string) string { return dataDir + ".lock" }

func lockDir(dataDir string) (*dirLock, error) {
	file, err := os.OpenFile(lockPath(dataDir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking data directory %s: %w", dataDir, err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is served by process %s; stop that one first, or choose another data directory",
				ErrInUse, dataDir, holderOf(file))
		}
		return nil, fmt.Errorf("locking data directory %s: %w", dataDir, err)
	}
	l := &dirLock{file: file}
	if err := l.sign(); err != nil {
		l.release()
		return nil, fmt.Errorf("locking data directory %s: %w", dataDir, err)
	}
	return l, nil
}

func (l *dirLock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// release unlocks before it closes: a child that is just being forked holds the
// file open until its exec, and closing alone would leave the lock with it. The
// file stays: removing it would let two processes lock two files of one name.
func (l *dirLock) release() {
	_ = unix.Flock(int(l.file.Fd()), unix.LOCK_UN) // closing does it otherwise
	_ = l.file.Close()
}

func holderOf(file *os.File) string {
	buf := make([]byte, 32)
	n, _ := file.ReadAt(buf, 0)
	if pid := strings.TrimSpace(string(buf[:n])); pid != "" {
		return pid
	}
	return "(unknown)"
}
