package pgtest

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	memoryDir = "/dev/shm"
	// memoryNeeded leaves room for many databases at once; containers often
	// have a tiny one.
	memoryNeeded = 2 << 30
)

// scratchDir is where the server's data goes: into memory where there is
// plenty, since making and dropping databases is mostly file work (eight times
// faster there). TMPDIR decides when it is set.
func scratchDir() string {
	if os.Getenv("TMPDIR") != "" {
		return os.TempDir()
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(memoryDir, &fs); err != nil {
		return os.TempDir()
	}
	if fs.Bavail*uint64(fs.Bsize) < memoryNeeded || unix.Access(memoryDir, unix.W_OK|unix.X_OK) != nil {
		return os.TempDir()
	}
	return memoryDir
}
