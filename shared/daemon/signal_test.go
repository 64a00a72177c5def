//go:build unix

package daemon_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

// childMode makes the test binary a daemon of its own, to which the test
// sends real signals.
const childMode = "DAEMON_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		os.Exit(runChild(mode))
	}

	os.Exit(m.Run())
}

// runChild prints a line when it takes work and one when it was told to stop.
func runChild(mode string) int {
	component := daemon.Component{Name: "child", Run: func(take, _ context.Context) error {
		_, _ = fmt.Fprintln(os.Stdout, "taking")
		<-take.Done()
		_, _ = fmt.Fprintln(os.Stdout, context.Cause(take))

		if mode == "stuck" {
			select {}
		}

		return nil
	}}

	return daemon.ExitCode(daemon.Daemon{Components: []daemon.Component{component}}.Run(context.Background()))
}

func TestRealSignals(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		mode    string
		signals []os.Signal
		code    int
	}{
		"SIGTERM":            {"good", []os.Signal{syscall.SIGTERM}, 0},
		"SIGINT":             {"good", []os.Signal{syscall.SIGINT}, 0},
		"SIGINT twice":       {"stuck", []os.Signal{syscall.SIGINT, syscall.SIGINT}, 130},
		"SIGINT and SIGTERM": {"stuck", []os.Signal{syscall.SIGINT, syscall.SIGTERM}, 143},
		"stuck":              {"stuck", []os.Signal{syscall.SIGTERM}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), childMode+"="+test.mode)

			out, err := child.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, child.Start())

			lines := bufio.NewScanner(out)
			for _, signal := range test.signals {
				require.True(t, lines.Scan(), "the child says when it is ready for the next signal")
				require.NoError(t, child.Process.Signal(signal))
			}

			for lines.Scan() {
				t.Log(lines.Text())
			}

			_ = child.Wait()

			require.Equal(t, test.code, child.ProcessState.ExitCode())
		})
	}
}
