package process_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/process"
)

func TestAProcessHasSeveralLives(t *testing.T) {
	t.Parallel()
	p, err := process.Start(process.Spec{
		Name: "child", Argv: []string{"sh", "-c", "echo life $WORD; exec sleep 60"}, Env: []string{"WORD=one"}, Logs: t.TempDir(),
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		written, err := os.ReadFile(p.Log())
		return err == nil && string(written) == "life one\n"
	}, 10*time.Second, 5*time.Millisecond)
	require.ErrorIs(t, p.Start(), process.ErrRunning)
	require.NoError(t, p.Kill())
	require.Equal(t, -1, p.ExitCode())
	require.ErrorIs(t, p.Signal(syscall.SIGCONT), process.ErrNotRunning)
	require.NoError(t, p.Kill(), "a process that has ended can be killed")
	require.NoError(t, p.Start())
	orderly, err := p.Stop(syscall.SIGTERM, 10*time.Second)
	require.NoError(t, err)
	require.True(t, orderly)
	require.Equal(t, 2, p.Lives())
}

func TestAProgramThatIsNotThere(t *testing.T) {
	t.Parallel()
	p, err := process.Start(process.Spec{Name: "nobody", Argv: []string{"/nonexistent"}, Logs: t.TempDir()})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "starting nobody")
	require.NoError(t, p.Kill())
}
