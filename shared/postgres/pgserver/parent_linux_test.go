package pgserver_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// A parent that is killed takes its server with it, within a few seconds and
// by a clean shutdown, and the next start finds the data.
func TestKillingTheParentEndsTheServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(pgtest.Dir(t), "data")
	self, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), parentVariable+"="+dir)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	t.Cleanup(func() { _ = parent.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	fields := strings.Fields(line)
	require.Len(t, fields, 2, line)
	pid, err := strconv.Atoi(fields[0])
	require.NoError(t, err, line)
	makeNotes(t, fields[1])
	family := append(children(t, pid), pid)
	require.Greater(t, len(family), 3, "a server has helpers of its own")

	require.NoError(t, parent.Process.Signal(syscall.SIGKILL))
	_ = parent.Wait()

	s := start(t, quick(dir)) // it waits for the other one's end
	require.Equal(t, "kept", query(t, s.URL(), "SELECT note FROM notes"))
	for _, process := range family {
		require.Eventually(t, func() bool { return !isPostgres(process) }, 5*time.Second, 10*time.Millisecond,
			"process %d was left behind", process)
	}
}

func children(t *testing.T, pid int) []int {
	t.Helper()
	list, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(pid) + "/children")
	require.NoError(t, err)
	var pids []int
	for _, field := range strings.Fields(string(list)) {
		child, err := strconv.Atoi(field)
		require.NoError(t, err)
		pids = append(pids, child)
	}
	return pids
}

// isPostgres is false for a process that has ended, reaped or not.
func isPostgres(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), "(postgres)") && !strings.Contains(string(stat), ") Z ")
}
