package fleettest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/process"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// Process is a part of the fleet in a process of its own, which a test can
// kill, stop and continue.
type Process struct {
	t testing.TB
	p *process.Process
}

// Start runs a command until the test ends; what it writes is kept.
func Start(t testing.TB, name string, env []string, argv ...string) *Process {
	t.Helper()
	started, err := process.Start(process.Spec{Name: fileName(name), Argv: argv, Env: env, Logs: t.TempDir()})
	p := &Process{t: t, p: started}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", name, tail(p.Output(), 3000))
		}
	})
	require.NoError(t, err)
	return p
}

// fileName makes a name fit for the log's file.
func fileName(name string) string { return strings.NewReplacer("/", "-", " ", "-").Replace(name) }

func tail(text string, n int) string {
	if len(text) > n {
		return "…" + text[len(text)-n:]
	}
	return text
}

// Kill ends the process with SIGKILL and waits for it.
func (p *Process) Kill() {
	p.t.Helper()
	if err := p.p.Kill(); err != nil {
		p.t.Error(err)
	}
}

// KillAndRestart is what a supervisor sees of a crash.
func (p *Process) KillAndRestart() {
	p.t.Helper()
	p.Kill()
	require.NoError(p.t, p.p.Start())
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.p.Signal(s))
}

// Wait waits for the process to end and gives its exit code.
func (p *Process) Wait() int {
	<-p.p.Ended()
	return p.p.ExitCode()
}

// PID is the process's id.
func (p *Process) PID() int { return p.p.PID() }

// Output is everything the process wrote, over all its lives.
func (p *Process) Output() string {
	text, err := os.ReadFile(p.p.Log())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

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
		p.t.Fatalf("%s did not write %q %d times; it wrote:\n%s", p.p.Name(), text, n, tail(p.Output(), 3000))
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
// broker at natsURL, and with more variables.
func (f *Fleet) Processes(natsURL string, more ...string) func(name string, args ...string) *Process {
	f.T.Helper()
	binary := Binary(f.T)
	keys := f.T.TempDir()
	require.NoError(f.T, os.WriteFile(filepath.Join(keys, vault.PrivateKeyFile), f.privateKey, 0o600))
	env := append([]string{
		"DATABASE_URL=" + f.DB.URL, "NATS_URL=" + natsURL, "ALPHAPULSE_EGRESS=test",
		"ALPHAPULSE_VAULT_KEY_FILE=" + filepath.Join(keys, vault.PrivateKeyFile),
	}, more...)
	return func(name string, args ...string) *Process {
		f.T.Helper()
		return Start(f.T, name, env, append([]string{binary}, args...)...)
	}
}
