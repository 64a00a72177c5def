package pgserver_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// killedParent starts a server whose parent is another process, and returns the
// server's process id, its address and the means to kill the parent.
func killedParent(t *testing.T, dir string, env ...string) (pid int, url string, kill func()) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), append(env, parentVariable+"="+dir)...)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	kill = func() {
		_ = parent.Process.Kill() // it may be dead already
		_ = parent.Wait()
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	fields := strings.Fields(line)
	require.Len(t, fields, 2, line)
	pid, err = strconv.Atoi(fields[0])
	require.NoError(t, err, line)
	return pid, fields[1], kill
}

// A parent that is killed takes its server with it, within a few seconds and
// by a clean shutdown, and the next start finds the data.
func TestKillingTheParentEndsTheServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(pgtest.Dir(t), "data")
	pid, url, kill := killedParent(t, dir)
	makeNotes(t, url)
	family := append(children(t, pid), pid)
	require.Greater(t, len(family), 3, "a server has helpers of its own")

	kill()
	for _, process := range family {
		require.Eventually(t, func() bool { return !isPostgres(process) }, 5*time.Second, time.Millisecond,
			"process %d was left behind", process)
	}
	s := start(t, quick(dir))
	require.Equal(t, "kept", query(t, s.URL(), "SELECT note FROM notes"))
}

// The next start waits for a server that is still on its way down, and says so
// when it has no more time.
func TestStartWaitsForTheEndOfAPredecessor(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(pgtest.Dir(t), "data")
	pid, url, kill := killedParent(t, dir, slowVariable+"=1")
	makeNotes(t, url)
	kill()

	cfg := quick(dir)
	cfg.StartTimeout = time.Second
	_, err := pgserver.Start(t.Context(), cfg)
	require.ErrorContains(t, err, "waiting for Postgres process "+strconv.Itoa(pid))

	s := start(t, quick(dir))
	require.False(t, isPostgres(pid))
	require.Equal(t, "kept", query(t, s.URL(), "SELECT note FROM notes"))
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
