package pgserver_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestADirectoryIsPreparedForAnotherLauncher(t *testing.T) {
	t.Parallel()
	cfg := quick(filepath.Join(pgtest.Dir(t), "deep", "data"))
	programs, err := pgserver.Prepare(t.Context(), cfg)
	require.NoError(t, err)

	// What it names can read what it made.
	control := exec.CommandContext(t.Context(), programs.Path("postgres"), "-D", cfg.DataDir, "-C", "data_directory")
	control.Dir = cfg.DataDir
	control.SysProcAttr = &syscall.SysProcAttr{Credential: programs.Credential}
	said, err := control.Output()
	require.NoError(t, err)
	require.Equal(t, cfg.DataDir, strings.TrimSpace(string(said)))
	require.Equal(t, os.Geteuid() == 0, programs.Credential != nil, "only root needs another user")

	again, err := pgserver.Prepare(t.Context(), cfg)
	require.NoError(t, err, "nothing stays locked")
	require.Equal(t, programs, again)
	s := start(t, cfg)
	_, err = pgserver.Prepare(t.Context(), cfg)
	require.ErrorIs(t, err, pgserver.ErrInUse)
	makeNotes(t, s.URL())
}

func TestPreparingRefusesWhatStartRefuses(t *testing.T) {
	t.Parallel()
	_, err := pgserver.Prepare(t.Context(), pgserver.Config{})
	require.ErrorContains(t, err, "data directory is not set")
	cfg := quick(filepath.Join(pgtest.Dir(t), "data"))
	cfg.BinDir = cfg.DataDir
	_, err = pgserver.Prepare(t.Context(), cfg)
	require.ErrorIs(t, err, pgserver.ErrNoBinaries)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = pgserver.Prepare(ended, quick(cfg.DataDir))
	require.Error(t, err)
	require.NoDirExists(t, cfg.DataDir, "no half of a directory")
}
