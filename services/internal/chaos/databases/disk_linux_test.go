package databases_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
)

// nobody's user number wherever there is one.
const nobody = 65534

// On a thread without privileges the test sees what a user sees.
func TestASmallDiskNamesThePrivilegeItLacks(t *testing.T) {
	t.Parallel()
	missing := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if os.Geteuid() == 0 {
			if _, _, no := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); no != 0 {
				missing <- no
				return
			}
		}
		missing <- databases.DiskAvailable()
	}()
	err := <-missing
	require.ErrorIs(t, err, databases.ErrNoDisk)
	require.ErrorIs(t, err, unix.EPERM)
	require.ErrorContains(t, err, "CAP_SYS_ADMIN")
}
