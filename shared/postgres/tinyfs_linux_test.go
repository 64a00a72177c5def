package postgres_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// tinyFileSystem is an empty directory of four megabytes that the server may
// use, or "" where this process may not mount one.
func tinyFileSystem(t *testing.T, db *postgres.DB) string {
	t.Helper()
	data := dataDirectory(t, db)
	if data == "" {
		return ""
	}
	dir := pgtest.Dir(t) + "/tiny"
	require.NoError(t, os.Mkdir(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		return ""
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	info, err := os.Stat(data)
	require.NoError(t, err)
	owner, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	require.NoError(t, os.Chown(dir, int(owner.Uid), int(owner.Gid)))
	return dir
}
