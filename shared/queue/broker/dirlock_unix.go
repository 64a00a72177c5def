//go:build unix

package broker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// dirLock is an advisory lock on a file in the store directory. The kernel
// ends it with the process.
type dirLock struct{ file *os.File }

// lockDir takes the lock or names the process that has it.
func lockDir(dir string) (*dirLock, error) {
	path := filepath.Join(dir, "broker.lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path) // the name is a courtesy
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is held by %s: stop that process or choose another directory",
				ErrStoreInUse, dir, describe(holder))
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	lock := &dirLock{file: file}
	if err := lock.sign(); err != nil {
		return nil, errors.Join(fmt.Errorf("writing %s: %w", path, err), lock.release())
	}
	return lock, nil
}

// sign writes who holds the lock.
func (l *dirLock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt(fmt.Appendf(nil, "process %d\n", os.Getpid()), 0)
	return err
}

func describe(holder []byte) string {
	if name := strings.TrimSpace(string(holder)); name != "" {
		return name
	}
	return "another process"
}

// release may be called once. The file stays: removing it would let two
// processes lock two files of the same name. Closing alone would leave the lock
// to a child that has been forked and not yet executed, for that moment.
func (l *dirLock) release() error {
	unlocked := syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN)
	return errors.Join(unlocked, l.file.Close())
}
