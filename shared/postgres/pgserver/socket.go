package pgserver

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is the longest path of a Unix socket on Linux; other systems
// allow 103.
const maxSocketPath = 103

// socketDir is the data directory, which only the server's user can enter. If
// that makes too long a path, it is a short directory of the same privacy, to
// be removed at the end (temporary).
func socketDir(dataDir string, as account) (dir string, temporary bool, err error) {
	if len(filepath.Join(dataDir, ".s.PGSQL.65535")) <= maxSocketPath {
		return dataDir, false, nil
	}
	dir, err = os.MkdirTemp("/tmp", "alphapulse-pg-")
	if err != nil {
		return "", false, fmt.Errorf("creating a directory for the Postgres socket: %w", err)
	}
	if err := as.own(dir); err != nil {
		return "", false, err
	}
	return dir, true, nil
}
