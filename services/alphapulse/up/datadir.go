package up

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// DefaultDir is the data directory when none is named: below XDG_DATA_HOME or
// the home directory, and for root, whose home is closed to the user that
// Postgres runs as, below /var/lib. why is empty unless the choice needs to be
// explained.
func DefaultDir(lookup func(string) (string, bool), demo, root bool) (dir, why string, err error) {
	name := "alphapulse"
	if demo {
		name = "alphapulse-demo"
	}
	base, ok := lookup("XDG_DATA_HOME")
	if !ok || !filepath.IsAbs(base) {
		home, ok := lookup("HOME")
		if !ok {
			return "", "", errors.New("neither HOME nor XDG_DATA_HOME is set: say where the data goes with --data-dir")
		}
		base = filepath.Join(home, ".local", "share")
	}
	dir = filepath.Join(base, name)
	if closed := closedParent(dir); root && closed != "" {
		return filepath.Join("/var/lib", name), closed + " is closed to the user that Postgres runs as", nil
	}
	return dir, "", nil
}

// closedParent names a directory on the way that others may not enter.
func closedParent(dir string) string {
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		if info, err := os.Stat(parent); err == nil && info.Mode().Perm()&0o001 == 0 {
			return parent
		}
		if parent == filepath.Dir(parent) {
			return ""
		}
	}
}

// dataDir is an opened data directory: it is this process's until release.
type dataDir struct {
	path string
	lock *os.File
}

// ErrInUse: another `alphapulse up` has the data directory.
var ErrInUse = errors.New("the data directory is in use")

// openDir makes the directory if need be and locks it. The kernel drops the lock
// with the process, however that ends.
func openDir(path string) (*dataDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := makeDir(path); err != nil {
		return nil, fmt.Errorf("the data directory cannot be made: %w; choose another one with --data-dir", err)
	}
	d := &dataDir{path: path}
	lock, err := os.OpenFile(d.file("up.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data directory is not writable: %w; choose another one with --data-dir", err)
	}
	d.lock = lock
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer d.release()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is used by process %s; stop that one first (Ctrl-C there, or kill %[3]s), "+
				"or choose another directory with --data-dir", ErrInUse, path, holder(lock))
		}
		return nil, fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	if err := d.sign(); err != nil {
		d.release()
		return nil, fmt.Errorf("the data directory is not writable: %w; choose another one with --data-dir", err)
	}
	return d, nil
}

// makeDir creates what is missing of a path. As root it is made enterable for
// others, whatever the umask, since Postgres runs as another user; the secrets in
// it have modes of their own.
func makeDir(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			return os.MkdirAll(path, 0o700) // a file in its place is an error
		}
		return err
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	mode := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

func (d *dataDir) sign() error {
	if err := d.lock.Truncate(0); err != nil {
		return err
	}
	_, err := d.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// release leaves the file behind: removing it would let two processes lock two
// files of the same name.
func (d *dataDir) release() { _ = d.lock.Close() }

func (d *dataDir) file(elements ...string) string {
	return filepath.Join(append([]string{d.path}, elements...)...)
}

func holder(lock *os.File) string {
	buf := make([]byte, 32)
	n, _ := lock.ReadAt(buf, 0)
	if pid := strings.TrimSpace(string(buf[:n])); pid != "" {
		return pid
	}
	return "(unknown)"
}

// writeFile writes a file of mode 0600 so that it appears whole or not at all.
func writeFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
