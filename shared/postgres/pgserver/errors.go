package pgserver

import (
	"errors"
	"fmt"
)

var (
	// ErrNoBinaries: no Postgres server was found on this machine.
	ErrNoBinaries = errors.New("no Postgres binaries found: run deployments/install-postgres.sh, " +
		"or install the package postgresql (Debian, Ubuntu), postgresql-server (Fedora, RHEL) or " +
		"`brew install postgresql@17` (macOS), or set ALPHAPULSE_POSTGRES_BIN to the directory of postgres and initdb")
	// ErrInUse: another process serves this data directory.
	ErrInUse = errors.New("the Postgres data directory is in use")
	// ErrPortTaken: something else listens on the port that was asked for.
	ErrPortTaken = errors.New("the port is taken")
	// ErrVersion: the data directory was made by another major version.
	ErrVersion = errors.New("the Postgres data directory has another version")
	// ErrNotEnterable: the user that Postgres runs as cannot reach the directory.
	ErrNotEnterable = errors.New("the Postgres user cannot enter the directory")
	// ErrPasswordLost: the file with the superuser's password is gone.
	ErrPasswordLost = errors.New("the password of Postgres is lost")
	// ErrForeignDirectory: the directory holds something that is not Postgres data.
	ErrForeignDirectory = errors.New("not a Postgres data directory, and not empty")
)

// VersionError names both versions of ErrVersion.
type VersionError struct {
	DataDir, DataVersion  string
	BinDir, BinaryVersion string
}

// Error says what was found and what can be done. Nothing has been changed.
func (e *VersionError) Error() string {
	return fmt.Sprintf("data directory %s was made by PostgreSQL %s, but the programs in %s are PostgreSQL %s. "+
		"Nothing was changed. Install PostgreSQL %s and set ALPHAPULSE_POSTGRES_BIN to its bin directory; "+
		"or convert the directory with pg_upgrade; or move it away to start with an empty database",
		e.DataDir, e.DataVersion, e.BinDir, e.BinaryVersion, e.DataVersion)
}

// Is makes errors.Is(err, ErrVersion) true.
func (e *VersionError) Is(target error) bool { return target == ErrVersion }

// ExitError is a program that failed to start or ended unasked, with the last
// lines it printed.
type ExitError struct {
	Program string
	Output  string
	cause   error
}

// Error ends with the program's own words.
func (e *ExitError) Error() string {
	if e.Output == "" {
		return fmt.Sprintf("%s: %v (it printed nothing)", e.Program, e.cause)
	}
	return fmt.Sprintf("%s: %v; its last lines:\n%s", e.Program, e.cause, e.Output)
}

// Unwrap returns how the program ended.
func (e *ExitError) Unwrap() error { return e.cause }
