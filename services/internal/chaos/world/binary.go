package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build builds alphapulse into a directory, with its failpoints and with a clock
// that they can move, from the checkout that the caller runs in.
func Build(ctx context.Context, dir string) (string, error) {
	overlay, err := writeClock(ctx, dir)
	if err != nil {
		return "", fmt.Errorf("building alphapulse with failpoints: %w", err)
	}
	binary := filepath.Join(dir, "alphapulse")
	out, err := goCommand(ctx, "build", "-tags", "failpoints,clockjump", "-overlay", overlay, "-o", binary,
		"github.com/alphapulse/alphapulse/services/alphapulse")
	if err != nil {
		return "", fmt.Errorf("building alphapulse with failpoints: %w\n%s", err, out)
	}
	return binary, nil
}

func goCommand(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the toolchain
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOWORK=")
	return cmd.CombinedOutput()
}

const (
	readsClock = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {\n\t\treturn Time{uint64(nsec), sec + unixToInternal, Local}"
	movedClock = `	sec, nsec, mono := runtimeNow()
	sec += jumped.Load()
	if mono == 0 {
		return Time{uint64(nsec), sec + unixToInternal, Local}`
	jumpFunc = `

var jumped atomic.Int64 // seconds

// Jump moves the wall clock of this process by whole seconds.
func Jump(d Duration) { jumped.Add(int64(d / Second)) }
`
)

// errClock: the standard library reads the clock in another way than we know.
var errClock = errors.New("package time of this toolchain is not the one that the clock's overlay knows")

// writeClock writes the overlay of package time in which the wall clock can jump.
// A clock that is set by hand moves for a whole machine, whose other users would
// not like it; and no library moves it for a static binary.
func writeClock(ctx context.Context, dir string) (overlay string, err error) {
	out, err := goCommand(ctx, "env", "GOROOT")
	if err != nil {
		return "", fmt.Errorf("finding the standard library: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(out)), "src", "time", "time.go")
	text, err := os.ReadFile(original) //nolint:gosec // the standard library
	if err != nil {
		return "", fmt.Errorf("reading the standard library: %w", err)
	}
	if bytes.Count(text, []byte(readsClock)) != 1 {
		return "", errClock
	}
	text = bytes.Replace(text, []byte(readsClock), []byte(movedClock), 1)
	text = bytes.Replace(text, []byte(`"math/bits"`), []byte("\"math/bits\"\n\t\"sync/atomic\""), 1)
	changed := filepath.Join(dir, "time.go")
	if err := os.WriteFile(changed, append(text, jumpFunc...), 0o600); err != nil {
		return "", err
	}
	encoded, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, encoded, 0o600)
}
