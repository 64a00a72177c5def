package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// BinDirVariable names the environment variable that decides where the
// binaries are, before any search.
const BinDirVariable = "ALPHAPULSE_POSTGRES_BIN"

// binaries is one installation of the server.
type binaries struct {
	dir   string
	major string // "15"
}

func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }
func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }

// findBinaries returns the installation named explicitly, or the first one
// found; one that fits an existing data directory (wanted, "" if none) goes
// before all others.
func findBinaries(ctx context.Context, explicit, wanted string) (binaries, error) {
	if explicit == "" {
		explicit = os.Getenv(BinDirVariable)
	}
	if explicit != "" {
		b, err := inspect(ctx, explicit)
		if err != nil {
			return b, fmt.Errorf("%w (%s was named, and %w)", ErrNoBinaries, explicit, err)
		}
		return b, nil
	}
	var found []binaries
	for _, dir := range candidates(ctx) {
		b, err := inspect(ctx, dir)
		if err != nil {
			continue // not an installation: the next place may be one
		}
		if wanted == "" || b.major == wanted {
			return b, nil
		}
		found = append(found, b)
	}
	if len(found) == 0 {
		return binaries{}, ErrNoBinaries
	}
	return found[0], nil
}

// candidates lists the places to look at, without repetition.
func candidates(ctx context.Context) []string {
	var dirs []string
	add := func(dir string) {
		if dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		add(strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		add(filepath.Dir(path))
	}
	for _, pattern := range packagePlaces() {
		for _, dir := range newestFirst(pattern) {
			add(dir)
		}
	}
	return dirs
}

func packagePlaces() []string {
	places := []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/usr/local/pgsql/bin",
		"/usr/libexec/postgresql*",
	}
	if runtime.GOOS == "darwin" {
		places = append(places,
			"/opt/homebrew/opt/postgresql@*/bin", "/opt/homebrew/opt/postgresql/bin",
			"/usr/local/opt/postgresql@*/bin", "/usr/local/opt/postgresql/bin",
			"/Applications/Postgres.app/Contents/Versions/*/bin")
	}
	return places
}

// newestFirst sorts by the last number in the path: 17 before 15 before 9.6.
func newestFirst(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return nil // a fixed pattern that does not parse finds nothing
	}
	number := regexp.MustCompile(`\d+(\.\d+)?`)
	version := func(dir string) float64 {
		numbers := number.FindAllString(dir, -1)
		if len(numbers) == 0 {
			return 0
		}
		v, _ := strconv.ParseFloat(numbers[len(numbers)-1], 64)
		return v
	}
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return dirs
}

// inspect asks the programs of a directory for their version.
func inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{dir: dir}
	for _, program := range []string{b.initdb(), b.postgres()} {
		if info, err := os.Stat(program); err != nil || info.IsDir() {
			return b, fmt.Errorf("%s is not there", program)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, b.postgres(), "-V").Output()
	if err != nil {
		return b, fmt.Errorf("%s -V: %w", b.postgres(), err)
	}
	b.major, err = majorOf(string(out))
	return b, err
}

// majorOf reads "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"; before
// version 10 the major version had two parts.
func majorOf(output string) (string, error) {
	match := regexp.MustCompile(`PostgreSQL\) (\d+)(?:\.(\d+))?`).FindStringSubmatch(output)
	if match == nil {
		return "", errors.New("its version cannot be read from " + strconv.Quote(strings.TrimSpace(output)))
	}
	if len(match[1]) == 1 && match[2] != "" {
		return match[1] + "." + match[2], nil
	}
	return match[1], nil
}
