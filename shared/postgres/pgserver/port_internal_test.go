package pgserver

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A port that is lost between its choice and its use is replaced by another.
func TestALostPortIsReplaced(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // the test is over
	taken := l.Addr().(*net.TCPAddr).Port
	dir, err := os.MkdirTemp("", "alphapulse-pgserver-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711)) //nolint:gosec // Postgres runs as another user
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })

	picks := 0
	s, err := Start(t.Context(), Config{
		DataDir:  filepath.Join(dir, "data"),
		Settings: map[string]string{"fsync": "off"},
		pickPort: func() (int, error) {
			if picks++; picks == 1 {
				return taken, nil
			}
			return freePort()
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	require.Equal(t, 2, picks)
	require.NotEqual(t, taken, s.Port())
}
