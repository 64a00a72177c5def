package databases

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// DiskAvailable tries out whether SmallDisk can work, and names what is missing
// (ErrNoDisk).
func DiskAvailable() error {
	dir, err := os.MkdirTemp("", "alphapulse-disk-")
	if err != nil {
		return fmt.Errorf("trying out a small disk: %w", err)
	}
	if err := mount(dir, int64(os.Getpagesize())); err != nil {
		return err // mount has removed the directory
	}
	return unmount(dir)
}

// mount makes a directory with a file system of its own. One that a killed
// process left there is replaced.
func mount(dir string, size int64) error {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err == nil {
		_ = os.Remove(dir) // Mkdir tells
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the server's user must enter it
		return fmt.Errorf("making a place for a small disk: %w", err)
	}
	err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, fmt.Sprintf("size=%d,mode=0755", size))
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		err = fmt.Errorf("%w: %w", ErrNoDisk, err)
	}
	return errors.Join(err, os.Remove(dir))
}

// unmount detaches: what still has a file open there keeps that and no more.
func unmount(dir string) error {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmounting %s: %w", dir, err)
	}
	return os.Remove(dir)
}

// fillStep is the size of a page of memory: the smallest file.
const fillStep = 4 << 10

// fill writes until there is no space. It writes and does not only reserve:
// every byte must be another's loss.
func fill(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	page := make([]byte, fillStep)
	for {
		if _, err := file.Write(page); err != nil {
			if errors.Is(err, unix.ENOSPC) {
				return nil
			}
			return err
		}
	}
}
