package fleettest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/vault"
)

// Process is a part of the fleet in a process of its own, which a test can
// kill, stop and continue.
type Process struct {
	t    testing.TB
	name string
	argv []string
	env  []string

	mu  sync.Mutex
	cmd *exec.Cmd
	log *output
}

// output is what a process wrote, over all its lives.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Start runs a command until the test ends; what it writes is kept.
func Start(t testing.TB, name string, env []string, argv ...string) *Process {
	t.Helper()
	p := &Process{t: t, name: name, argv: argv, env: env, log: &output{}}
	p.start()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", name, tail(p.log.String(), 3000))
		}
	})
	return p
}

func tail(text string, n int) string {
	if len(text) > n {
		return "…" + text[len(text)-n:]
	}
	return text
}

func (p *Process) start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.argv[0], p.argv[1:]...) //nolint:gosec // our own binary, ended by the test
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, p.env...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	dieWithParent(cmd)
	require.NoError(p.t, cmd.Start(), p.name)
	p.cmd = cmd
}

// Kill ends the process with SIGKILL and waits for it.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// KillAndRestart is what a supervisor sees of a crash.
func (p *Process) KillAndRestart() {
	p.t.Helper()
	p.Kill()
	p.start()
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// Wait waits for the process to end and gives its exit code.
func (p *Process) Wait() int {
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	_ = cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = nil
	return cmd.ProcessState.ExitCode()
}

// PID is the process's id.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// Output is everything the process wrote.
func (p *Process) Output() string { return p.log.String() }

// AwaitOutput waits until the process has written a text.
func (p *Process) AwaitOutput(text string) {
	p.t.Helper()
	p.AwaitOutputs(text, 1)
}

// AwaitOutputs waits until the process has written a text n times, over all its
// lives.
func (p *Process) AwaitOutputs(text string, n int) {
	p.t.Helper()
	if !polled(Patience, func() bool { return strings.Count(p.Output(), text) >= n }) {
		p.t.Fatalf("%s did not write %q %d times; it wrote:\n%s", p.name, text, n, tail(p.Output(), 3000))
	}
}

var (
	buildOnce sync.Once // the binary is built once for all tests
	builtPath string
	buildErr  error
)

// Binary builds the alphapulse command, once for all tests of the process.
func Binary(t testing.TB) string {
	t.Helper()
	buildOnce.Do(func() {
		dir, err := os.MkdirTemp("", "alphapulse-binary")
		if err != nil {
			buildErr = err
			return
		}
		if buildErr = os.Chmod(dir, 0o755); buildErr != nil { //nolint:gosec // run by others too
			return
		}
		builtPath = filepath.Join(dir, "alphapulse")
		out, err := exec.Command("go", "build", "-o", builtPath, //nolint:gosec // our own module
			"github.com/alphapulse/alphapulse/services/alphapulse").CombinedOutput()
		if err != nil {
			buildErr = fmt.Errorf("building alphapulse: %w\n%s", err, out)
		}
	})
	require.NoError(t, buildErr)
	return builtPath
}

// RemoveBinary removes what Binary built; call it when the tests have ended.
func RemoveBinary() {
	if builtPath != "" {
		_ = os.RemoveAll(filepath.Dir(builtPath))
	}
}

// Processes starts commands of the binary on the fleet's database, with the
// broker at natsURL.
func (f *Fleet) Processes(natsURL string) func(name string, args ...string) *Process {
	f.T.Helper()
	binary := Binary(f.T)
	keys := f.T.TempDir()
	require.NoError(f.T, os.WriteFile(filepath.Join(keys, vault.PrivateKeyFile), f.privateKey, 0o600))
	env := []string{
		"DATABASE_URL=" + f.DB.URL, "NATS_URL=" + natsURL, "ALPHAPULSE_EGRESS=test",
		"ALPHAPULSE_VAULT_KEY_FILE=" + filepath.Join(keys, vault.PrivateKeyFile),
	}
	return func(name string, args ...string) *Process {
		f.T.Helper()
		return Start(f.T, name, env, append([]string{binary}, args...)...)
	}
}
