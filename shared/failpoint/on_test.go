//go:build failpoints

package failpoint_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/failpoint"
)

func TestMain(m *testing.M) {
	if os.Getenv("FAILPOINT_CHILD") != "" {
		failpoint.Hit(failpoint.WorkerCommitted, "orders")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child meets the point in a process of its own.
func child(t *testing.T, dir string) (exit int, signal syscall.Signal) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FAILPOINT_CHILD=1", failpoint.Variable+"="+dir)
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return -1, status.Signal()
	}
	return status.ExitStatus(), 0
}

func arm(t *testing.T, dir, name, action string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(action), 0o600))
}

func TestAPointStrikesOnceAndLeavesEvidence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	arm(t, dir, "worker.committed", "kill")
	_, signal := child(t, dir)
	require.Equal(t, syscall.SIGKILL, signal)
	evidence, err := filepath.Glob(filepath.Join(dir, "worker.committed.hit.*"))
	require.NoError(t, err)
	require.Len(t, evidence, 1)
	exit, _ := child(t, dir)
	require.Zero(t, exit, "it has struck")
}

func TestALabelSelects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	arm(t, dir, "worker.committed@fills", "exit")
	exit, _ := child(t, dir)
	require.Zero(t, exit)
	arm(t, dir, "worker.committed@orders", "always exit")
	for range 2 {
		exit, _ = child(t, dir)
		require.Equal(t, 3, exit)
	}
}

func TestMemoryThatIsExhaustedEndsTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	arm(t, dir, "worker.committed", "memory")
	exit, _ := child(t, dir)
	// 66 is the end of the race detector, if it is the one that finds no memory.
	require.Contains(t, []int{2, 66}, exit, "the runtime's own end, which no recover prevents")
}
