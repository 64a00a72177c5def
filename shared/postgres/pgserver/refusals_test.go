package pgserver_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestAnotherMajorVersionIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	cfg := quick(filepath.Join(pgtest.Dir(t), "data"))
	s, err := pgserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	stop(t, s)
	require.NoError(t, <-s.Done())
	version := filepath.Join(cfg.DataDir, "PG_VERSION")
	ours, err := os.ReadFile(version)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(version, []byte("11\n"), 0o600))
	before := tree(t, cfg.DataDir)

	_, err = pgserver.Start(t.Context(), cfg)
	require.ErrorIs(t, err, pgserver.ErrVersion)
	var detail *pgserver.VersionError
	require.ErrorAs(t, err, &detail)
	require.Equal(t, "11", detail.DataVersion)
	require.NotEqual(t, "11", detail.BinaryVersion)
	for _, part := range []string{"PostgreSQL 11", "PostgreSQL " + detail.BinaryVersion, "Nothing was changed", "pg_upgrade"} {
		require.ErrorContains(t, err, part)
	}
	require.Equal(t, before, tree(t, cfg.DataDir))

	require.NoError(t, os.WriteFile(version, ours, 0o600))
	start(t, cfg)
}

func TestForeignContentsAreRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(pgtest.Dir(t), "data")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("years of work"), 0o600))
	_, err := pgserver.Start(t.Context(), quick(dir))
	require.ErrorIs(t, err, pgserver.ErrForeignDirectory)
	require.ErrorContains(t, err, "thesis.txt")
	require.FileExists(t, filepath.Join(dir, "thesis.txt"))
}

func TestAnUnusableDirectory(t *testing.T) {
	t.Parallel()
	base := pgtest.Dir(t)
	file := filepath.Join(base, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := pgserver.Start(t.Context(), quick(filepath.Join(file, "data")))
	require.ErrorContains(t, err, "not a directory")

	locked := filepath.Join(base, "locked")
	require.NoError(t, os.Mkdir(locked, 0o500))
	if os.Geteuid() != 0 {
		_, err = pgserver.Start(t.Context(), quick(filepath.Join(locked, "data")))
		require.ErrorIs(t, err, os.ErrPermission)
		return
	}
	// Root may write anywhere, but the user it hands over to may not enter.
	_, err = pgserver.Start(t.Context(), quick(filepath.Join(locked, "data")))
	require.ErrorIs(t, err, pgserver.ErrNotEnterable)
	require.ErrorContains(t, err, "chmod o+x "+locked)
	_, err = pgserver.Start(t.Context(), quick("/proc/alphapulse/data"))
	require.Error(t, err)
}

func TestNoBinaries(t *testing.T) {
	t.Parallel()
	cfg := quick(filepath.Join(pgtest.Dir(t), "data"))
	cfg.BinDir = filepath.Join(filepath.Dir(cfg.DataDir), "nothing")
	_, err := pgserver.Start(t.Context(), cfg)
	require.ErrorIs(t, err, pgserver.ErrNoBinaries)
	for _, part := range []string{cfg.BinDir, "deployments/install-postgres.sh", "package postgresql"} {
		require.ErrorContains(t, err, part)
	}
}

func TestAFailedStartShowsTheServersWords(t *testing.T) {
	t.Parallel()
	cfg := quick(filepath.Join(pgtest.Dir(t), "data"))
	cfg.Settings["shared_buffers"] = "a lot"
	_, err := pgserver.Start(t.Context(), cfg)
	var exit *pgserver.ExitError
	require.ErrorAs(t, err, &exit)
	require.ErrorContains(t, err, `invalid value for parameter "shared_buffers"`)
}

func TestLeftoversOfAKilledPredecessor(t *testing.T) {
	t.Parallel()
	cfg := quick(filepath.Join(pgtest.Dir(t), "data"))

	// Killed in the middle of initdb.
	unfinished := cfg.DataDir + ".initdb"
	require.NoError(t, os.Mkdir(unfinished, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(unfinished, "PG_VERSION"), []byte("15\n"), 0o600))
	s, err := pgserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	require.NoDirExists(t, unfinished)
	stop(t, s)
	require.NoError(t, <-s.Done())

	// Killed with the machine: the number in its pid file now belongs to
	// another program, here this test.
	pid := filepath.Join(cfg.DataDir, "postmaster.pid")
	require.NoError(t, os.WriteFile(pid, []byte(strconv.Itoa(os.Getpid())+"\n"+cfg.DataDir+"\n"), 0o600))
	start(t, cfg)
}
