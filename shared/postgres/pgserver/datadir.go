package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const versionFile = "PG_VERSION"

// dataVersion is the major version that made the directory, or "" when there
// is no data yet. A directory with other contents is refused.
func dataVersion(dir string) (string, error) {
	version, err := os.ReadFile(filepath.Join(dir, versionFile))
	if err == nil {
		return strings.TrimSpace(string(version)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the version of data directory %s: %w", dir, err)
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("reading data directory %s: %w", dir, err)
	case len(entries) > 0:
		return "", fmt.Errorf("%s: %w (it has %q): choose another directory", dir, ErrForeignDirectory, entries[0].Name())
	}
	return "", nil
}

// makeParent creates the directories above the data directory. As root the new
// ones are made enterable for others, whatever the umask, since Postgres will
// run as another user.
func makeParent(dir string) error {
	parent := filepath.Dir(dir)
	missing := missingDirs(parent)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return fmt.Errorf("creating the directory for Postgres data: %w", err)
	}
	if os.Geteuid() == 0 {
		for _, created := range missing {
			if err := os.Chmod(created, 0o711); err != nil {
				return fmt.Errorf("opening the directory for Postgres data: %w", err)
			}
		}
	}
	probe, err := os.MkdirTemp(parent, ".writable-*")
	if err != nil {
		return fmt.Errorf("the directory for Postgres data is not writable: %w", err)
	}
	return os.Remove(probe)
}

// missingDirs lists dir and those above it that do not exist yet.
func missingDirs(dir string) []string {
	var missing []string
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, dir)
	}
	return missing
}

// checkEnterable names the directory on the way to dir that the account cannot
// pass. It reads permission bits; where those do not tell the truth (access
// lists), the start itself fails with the system's own words.
func checkEnterable(dir string, as account) error {
	if !as.switched {
		return nil
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil {
			return fmt.Errorf("checking %s: %w", parent, err)
		}
		if !as.mayEnter(info) {
			return fmt.Errorf("%w: %s has mode %04o, and Postgres runs as user %s (it refuses to run as root): "+
				"`chmod o+x %s`, or choose a data directory elsewhere, such as /var/lib/alphapulse",
				ErrNotEnterable, parent, info.Mode().Perm(), as.name, parent)
		}
		if parent == filepath.Dir(parent) {
			return nil
		}
	}
}
