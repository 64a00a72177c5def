//go:build unix

package daemon_test

import (
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

func TestListenOnASocketThatWasHandedDown(t *testing.T) {
	t.Parallel()
	bound, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer bound.Close()
	file, err := bound.File()
	require.NoError(t, err)
	defer file.Close()
	descriptor, err := syscall.Dup(int(file.Fd()))
	require.NoError(t, err)

	listener, err := daemon.Listen("--health", fmt.Sprint("fd:", descriptor))
	require.NoError(t, err)
	require.Equal(t, bound.Addr().String(), listener.Addr().String())
	go func() {
		conn, err := net.Dial("tcp", bound.Addr().String())
		if err == nil {
			_ = conn.Close()
		}
	}()
	conn, err := listener.Accept()
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, listener.Close())
}

func TestListenOnADescriptorThatIsNone(t *testing.T) {
	t.Parallel()
	_, err := daemon.Listen("--health", "fd:four")
	require.ErrorContains(t, err, `--health: "four" is not the number of a descriptor`)
	_, err = daemon.Listen("--health", "fd:60000")
	require.ErrorContains(t, err, "--health: descriptor 60000 is not a listening socket")
}
