package world

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Build builds alphapulse with its failpoints into a directory, from the
// checkout that the caller runs in.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "alphapulse")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "failpoints", "-o", binary, //nolint:gosec // our own module
		"github.com/alphapulse/alphapulse/services/alphapulse")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOWORK=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building alphapulse with failpoints: %w\n%s", err, out)
	}
	return binary, nil
}
