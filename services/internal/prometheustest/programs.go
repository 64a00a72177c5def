package prometheustest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// BinVariable names the directory of prometheus and promtool.
const BinVariable = "ALPHAPULSE_PROMETHEUS_BIN"

// Promtool runs promtool and gives what it wrote and how it ended.
func Promtool(t testing.TB, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program(t, "promtool"), args...).CombinedOutput()
	return string(out), err
}

// program finds one of the programs.
func program(t testing.TB, name string) string {
	t.Helper()
	if dir := os.Getenv(BinVariable); dir != "" {
		return filepath.Join(dir, name)
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := filepath.Join(Root(t), ".tools", "prometheus", name)
	require.FileExists(t, path, "there is no %s on this machine: run `make prometheus`", name)
	return path
}

// Root is the directory of the repository.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.work above the test")
		dir = parent
	}
}
