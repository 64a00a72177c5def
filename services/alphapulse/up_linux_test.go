package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// workerTypes is how many worker processes there are: one for each data type.
const workerTypes = 9

// machine is one `alphapulse up` in a process of its own.
type machine struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
	out *screen
	end chan struct{}
}

// newDir is a directory that Postgres can enter also when the tests run as root.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "alphapulse-up-") // t.TempDir is closed to other users
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func startUp(t *testing.T, dir string, args ...string) *machine {
	t.Helper()
	m := &machine{t: t, dir: dir, out: &screen{}, end: make(chan struct{})}
	args = append([]string{"up", "--data-dir", dir, "--http", "127.0.0.1:0"}, args...)
	m.cmd = exec.Command(os.Args[0], args...) //nolint:gosec // our own binary, ended by the test
	m.cmd.Env = append(os.Environ(), asProgram+"=1", "DATABASE_URL=", "NATS_URL=")
	m.cmd.Stdout, m.cmd.Stderr = m.out, m.out
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, m.cmd.Start())
	go func() {
		_ = m.cmd.Wait() // its code is read from ProcessState
		close(m.end)
	}()
	t.Cleanup(func() {
		_ = m.cmd.Process.Kill()
		<-m.end
		if t.Failed() {
			t.Logf("up printed:\n%s", m.out)
		}
	})
	return m
}

func (m *machine) await(what string, done func() bool) {
	m.t.Helper()
	require.Eventually(m.t, done, upPatience, 20*time.Millisecond, "%s; it printed:\n%s", what, m.out)
}

func (m *machine) awaitText(text string) {
	m.t.Helper()
	m.await(text, func() bool { return strings.Contains(m.out.String(), text) })
}

// settings waits for connection.env and reads it.
func (m *machine) settings() map[string]string {
	m.t.Helper()
	path := filepath.Join(m.dir, "connection.env")
	m.await("connection.env", func() bool { _, err := os.Stat(path); return err == nil })
	info, err := os.Stat(path)
	require.NoError(m.t, err)
	require.Equal(m.t, os.FileMode(0o600), info.Mode().Perm())
	shell := exec.CommandContext(m.t.Context(), "sh", "-c", `set -a; . "$0"; env`, path)
	shell.Env = []string{}
	text, err := shell.Output()
	require.NoError(m.t, err)
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		found[name] = value
	}
	return found
}

func (m *machine) awaitReady() map[string]string {
	m.t.Helper()
	at := m.settings()
	m.await("/readyz", func() bool { code, _ := get(m.t, at["ALPHAPULSE_API"]+"/readyz"); return code == http.StatusOK })
	return at
}

// ends waits for the end and gives the exit code.
func (m *machine) ends(within time.Duration) int {
	m.t.Helper()
	select {
	case <-m.end:
	case <-time.After(within):
		require.Fail(m.t, "it does not end", "within %s; it printed:\n%s", within, m.out)
	}
	return m.cmd.ProcessState.ExitCode()
}

func (m *machine) signal(sig syscall.Signal) {
	m.t.Helper()
	require.NoError(m.t, m.cmd.Process.Signal(sig))
}

// family are the processes below this one, by id, with their command lines.
func (m *machine) family() map[int]string {
	m.t.Helper()
	parents, lines := map[int]int{}, map[int]string{}
	entries, err := os.ReadDir("/proc")
	require.NoError(m.t, err)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		parents[pid], _ = strconv.Atoi(fields[1])
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		lines[pid] = string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
	}
	found := map[int]string{}
	for pid := range parents {
		for at := parents[pid]; at > 1; at = parents[at] {
			if at == m.cmd.Process.Pid {
				found[pid] = lines[pid]
			}
		}
	}
	return found
}

func (m *machine) workers() []int {
	m.t.Helper()
	var pids []int
	for pid, line := range m.family() {
		if strings.Contains(line, " worker --types ") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// gone waits until none of the processes is left.
func (m *machine) gone(family map[int]string) {
	m.t.Helper()
	require.NotEmpty(m.t, family)
	deadline := time.Now().Add(stopTime)
	for pid, line := range family {
		for alive(pid) {
			require.True(m.t, time.Now().Before(deadline), "process %d is left behind: %s", pid, line)
			time.Sleep(10 * time.Millisecond) // no signal: the end of a process that is not ours sends none
		}
	}
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

func TestUpServesAndStops(t *testing.T) {
	t.Parallel()
	m := startUp(t, newDir(t), "--workers", "0")
	at := m.awaitReady()
	db, err := pgx.Connect(t.Context(), at["DATABASE_URL"])
	require.NoError(t, err)
	var markets int
	require.NoError(t, db.QueryRow(t.Context(), `SELECT count(*) FROM alphapulse.markets`).Scan(&markets))
	require.NoError(t, db.Close(t.Context()))
	requireReadOnly(t, at["DATABASE_READONLY_URL"])
	requireClosed(t, at["DATABASE_URL"])
	conn, err := nats.Connect(at["NATS_URL"])
	require.NoError(t, err)
	conn.Close()
	code, _ := get(t, at["NATS_MONITOR_URL"]+"/healthz")
	require.Equal(t, http.StatusOK, code)
	require.NotContains(t, at, "ALPHAPULSE_TOKEN")

	family := m.family()
	m.signal(syscall.SIGINT)
	require.Zero(t, m.ends(stopTime))
	m.gone(family)
	require.NoFileExists(t, filepath.Join(m.dir, "connection.env"))
	require.FileExists(t, filepath.Join(m.dir, "logs", "alphapulse.log"))
}

func TestUpRefusesASecondStart(t *testing.T) {
	t.Parallel()
	first := startUp(t, newDir(t), "--workers", "0")
	first.awaitReady()
	second := startUp(t, first.dir, "--workers", "0")
	require.Equal(t, exitFailure, second.ends(upPatience))
	require.Contains(t, second.out.String(), fmt.Sprintf("process %d", first.cmd.Process.Pid))
	first.awaitReady()
}

func TestUpKilledLeavesNothingAndResumes(t *testing.T) {
	t.Parallel()
	first := startUp(t, newDir(t))
	first.awaitReady()
	first.await("all workers", func() bool { return len(first.workers()) == workerTypes })
	family := first.family()
	require.GreaterOrEqual(t, len(family), workerTypes+1, "workers and Postgres")
	first.signal(syscall.SIGKILL)
	<-first.end
	first.gone(family)

	second := startUp(t, first.dir)
	second.awaitText("Ctrl-C stops everything") // what the first one left behind is gone by then
	second.awaitReady()
	second.signal(syscall.SIGTERM)
	require.Zero(t, second.ends(stopTime))
}

func TestUpRestartsAWorker(t *testing.T) {
	t.Parallel()
	m := startUp(t, newDir(t))
	m.awaitReady()
	m.await("all workers", func() bool { return len(m.workers()) == workerTypes })
	killed := m.workers()[0]
	require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))
	m.awaitText("starting it again in")
	m.await("all workers again", func() bool { return len(m.workers()) == workerTypes })
	require.NotContains(t, m.workers(), killed)
	require.Contains(t, m.out.String(), "signal: killed")
	m.signal(syscall.SIGINT)
	require.Zero(t, m.ends(stopTime))
}

// TestUpStopsAWorkerThatHangs: a worker that does not listen ends within the time
// that a person is made to wait.
func TestUpStopsAWorkerThatHangs(t *testing.T) {
	t.Parallel()
	m := startUp(t, newDir(t))
	m.awaitReady()
	m.await("all workers", func() bool { return len(m.workers()) == workerTypes })
	require.NoError(t, syscall.Kill(m.workers()[0], syscall.SIGSTOP))
	family := m.family()
	m.signal(syscall.SIGINT)
	require.Zero(t, m.ends(stopTime))
	m.gone(family)
}

func TestUpEndsAtOnceOnASecondSignal(t *testing.T) {
	t.Parallel()
	m := startUp(t, newDir(t))
	m.awaitReady()
	m.await("all workers", func() bool { return len(m.workers()) == workerTypes })
	require.NoError(t, syscall.Kill(m.workers()[0], syscall.SIGSTOP)) // else it might be gone before
	family := m.family()
	m.signal(syscall.SIGINT)
	m.awaitText("Stopping")
	m.signal(syscall.SIGINT)
	require.Equal(t, 128+int(syscall.SIGINT), m.ends(time.Second))
	m.gone(family)
	require.NoFileExists(t, filepath.Join(m.dir, "connection.env"))
}

// TestUpStoppedWhileStarting leaves nothing either.
func TestUpStoppedWhileStarting(t *testing.T) {
	t.Parallel()
	m := startUp(t, newDir(t))
	m.awaitText("data ")
	m.signal(syscall.SIGINT)
	require.Zero(t, m.ends(stopTime))
	require.Empty(t, m.family())
}

func TestUpRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(t *testing.T, dir string) (args []string)
		says    []string
	}{
		"taken port": {
			prepare: func(t *testing.T, _ string) []string {
				t.Helper()
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				t.Cleanup(func() { _ = listener.Close() })
				return []string{"--http", listener.Addr().String()}
			},
			says: []string{"--http", "taken", "another"},
		},
		"a file in place of the directory": {
			prepare: func(t *testing.T, dir string) []string {
				t.Helper()
				require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("mine"), 0o600))
				return []string{"--data-dir", filepath.Join(dir, "file")}
			},
			says: []string{"file", "--data-dir"},
		},
		"a directory that cannot be written": {
			prepare: func(*testing.T, string) []string { return []string{"--data-dir", "/proc/alphapulse"} },
			says:    []string{"/proc/alphapulse", "--data-dir"},
		},
		"another Postgres": {
			prepare: func(t *testing.T, dir string) []string {
				t.Helper()
				require.NoError(t, os.Mkdir(filepath.Join(dir, "postgres"), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres", "PG_VERSION"), []byte("9.6\n"), 0o600))
				return nil
			},
			says: []string{"9.6"},
		},
		"broken vault key": {
			prepare: func(t *testing.T, dir string) []string {
				t.Helper()
				require.NoError(t, os.Mkdir(filepath.Join(dir, "vault"), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(dir, "vault", "vault.key"), []byte("no key\n"), 0o600))
				return nil
			},
			says: []string{"vault"},
		},
		"an open address without a token": {
			prepare: func(*testing.T, string) []string { return []string{"--http", "0.0.0.0:0"} },
			says:    []string{"ALPHAPULSE_TOKEN"},
		},
		"several mistakes": {
			prepare: func(*testing.T, string) []string { return []string{"--workers", "many", "--demo=perhaps"} },
			says:    []string{"--workers", "--demo", "2 wrong settings"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newDir(t)
			args := test.prepare(t, dir)
			before := contents(t, dir)
			m := startUp(t, dir, append([]string{"--workers", "0"}, args...)...)
			require.NotZero(t, m.ends(upPatience))
			for _, text := range test.says {
				require.Contains(t, m.out.String(), text)
			}
			for path, text := range before {
				require.Equal(t, text, contents(t, dir)[path], "%s was changed", path)
			}
		})
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	}))
	return found
}

// TestUpDemo: a first result by itself, nothing secret on the screen or in a
// process list, and the same account after a restart with the port taken.
func TestUpDemo(t *testing.T) {
	t.Parallel()
	first := startUp(t, newDir(t), "--demo")
	first.awaitReady()
	first.awaitText("Ctrl-C stops everything")
	screen := first.out.String()
	require.Contains(t, screen, ": succeeded in")
	for _, data := range []string{"balances", "positions", "orders"} {
		require.Regexp(t, data+` +succeeded`, screen)
	}
	require.Regexp(t, `prices +(succeeded|skipped)`, screen, "a scheduled reading may have served the account already")
	requireLineWorks(t, screen)
	first.signal(syscall.SIGINT)
	require.Zero(t, first.ends(stopTime))

	text, err := os.ReadFile(filepath.Join(first.dir, "demo.json"))
	require.NoError(t, err)
	port := string(text[bytes.LastIndexByte(text, ':')+1 : bytes.IndexByte(text, '}')])
	taken, err := net.Listen("tcp", "127.0.0.1:"+port)
	require.NoError(t, err)
	defer taken.Close()

	second := startUp(t, first.dir, "--demo")
	second.awaitText("Ctrl-C stops everything")
	require.Contains(t, second.out.String(), `account "demo" is as it was`)
	require.Contains(t, second.out.String(), ": succeeded in")
	db, err := pgx.Connect(t.Context(), second.settings()["DATABASE_URL"])
	require.NoError(t, err)
	defer db.Close(t.Context()) //nolint:errcheck // only read from
	var accounts, markets int
	require.NoError(t, db.QueryRow(t.Context(),
		`SELECT (SELECT count(*) FROM alphapulse.accounts), (SELECT count(*) FROM alphapulse.markets)`).Scan(&accounts, &markets))
	require.Equal(t, 1, accounts)
	require.Equal(t, 1, markets)
	second.signal(syscall.SIGINT)
	require.Zero(t, second.ends(stopTime))
}

// requireReadOnly checks that a login reads data, no secrets, and writes nothing.
func requireReadOnly(t *testing.T, address string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	defer db.Close(t.Context()) //nolint:errcheck // only read from
	for _, statement := range []string{`SELECT * FROM balances`, `SET default_transaction_read_only = off`} {
		_, err = db.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	for _, statement := range []string{
		`SELECT sealed FROM account_credentials`, `SELECT token_hash FROM api_tokens`, `DELETE FROM balances`,
	} {
		_, err = db.Exec(t.Context(), statement)
		require.ErrorContains(t, err, "permission denied", statement)
	}
}

// requireClosed checks that an address is of no use without its password.
func requireClosed(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	password, demanded := u.User.Password()
	require.True(t, demanded)
	require.NotEmpty(t, password)
	u.User = url.User(u.User.Username())
	_, err = pgx.Connect(t.Context(), u.String())
	require.Error(t, err)
}

// requireLineWorks runs the psql line that was printed.
func requireLineWorks(t *testing.T, screen string) {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(screen))
	for lines.Scan() {
		command, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "SQL")
		if !ok {
			continue
		}
		shell := exec.CommandContext(t.Context(), "sh", "-c",
			strings.TrimSpace(command)+` -Atc "SELECT count(*) > 0 FROM alphapulse.balances"`)
		answer, err := shell.CombinedOutput()
		require.NoError(t, err, string(answer))
		require.Equal(t, "t\n", string(answer))
		return
	}
	require.Fail(t, "no psql line was printed")
}
