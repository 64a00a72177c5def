package pgserver_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// requireClosed checks that nobody gets in without the password, on any way.
func requireClosed(t *testing.T, s *pgserver.Server) {
	t.Helper()
	require.Equal(t, "postgres", query(t, s.URL(), "SELECT current_user::text"))
	require.Regexp(t, `^SCRAM-SHA-256\$`, query(t, s.URL(), "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'"))
	u, err := url.Parse(s.URL())
	require.NoError(t, err)
	password, _ := u.User.Password()
	require.Len(t, password, 48)
	socket := "postgres://postgres@/alphapulse?host=" + url.QueryEscape(s.SocketDir()) + "&port=" + strconv.Itoa(s.Port())
	for _, address := range []string{
		strings.Replace(s.URL(), ":"+password, "", 1), strings.Replace(s.URL(), password, "wrong", 1), socket,
	} {
		conn, err := pgx.Connect(t.Context(), address)
		if err == nil {
			_ = conn.Close(t.Context())
		}
		require.Error(t, err, "it was let in")
	}
}

func TestThePasswordIsDemandedFromTheBeginning(t *testing.T) {
	t.Parallel()
	dir := pgtest.Dir(t)
	cfg := quick(filepath.Join(dir, "data"))
	cfg.PasswordFile = cfg.DataDir + ".password"
	first, err := pgserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	requireClosed(t, first)
	info, err := os.Stat(cfg.PasswordFile)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, file := range left {
		require.NotContains(t, file.Name(), "initdb", "nothing of initdb is left")
	}
	address := first.URL()
	stop(t, first)
	require.NoError(t, <-first.Done())
	second := start(t, cfg)
	require.Equal(t, strings.Split(address, "@")[0], strings.Split(second.URL(), "@")[0], "the password stays the same")
	requireClosed(t, second)
}

// A data directory that was made without a password is closed, and keeps its data.
func TestAnOpenDirectoryIsClosed(t *testing.T) {
	t.Parallel()
	dir := pgtest.Dir(t)
	cfg := quick(filepath.Join(dir, "data"))
	open, err := pgserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	makeNotes(t, open.URL())
	stop(t, open)
	require.NoError(t, <-open.Done())
	cfg.PasswordFile = filepath.Join(dir, "password")
	closed, err := pgserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	requireClosed(t, closed)
	require.Equal(t, "kept", query(t, closed.URL(), "SELECT note FROM notes"))
	stop(t, closed)
	require.NoError(t, <-closed.Done())
	requireClosed(t, start(t, cfg))
}

func TestALostPasswordIsNamed(t *testing.T) {
	t.Parallel()
	dir := pgtest.Dir(t)
	cfg := quick(filepath.Join(dir, "data"))
	cfg.PasswordFile = filepath.Join(dir, "password")
	s, err := pgserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	stop(t, s)
	require.NoError(t, <-s.Done())
	require.NoError(t, os.WriteFile(cfg.PasswordFile, []byte("another one\n"), 0o600))
	_, err = pgserver.Start(t.Context(), cfg)
	require.ErrorIs(t, err, pgserver.ErrPasswordLost)
	require.NotContains(t, err.Error(), "another one")
	require.NoError(t, os.Remove(cfg.PasswordFile))
	_, err = pgserver.Start(t.Context(), cfg)
	require.ErrorIs(t, err, pgserver.ErrPasswordLost)
	require.ErrorContains(t, err, "pg_hba.conf")
	require.NoFileExists(t, cfg.PasswordFile)

	hba := filepath.Join(cfg.DataDir, "pg_hba.conf") // what the message says works
	text, err := os.ReadFile(hba)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(hba, []byte(strings.ReplaceAll(string(text), "scram-sha-256", "trust")), 0o600))
	requireClosed(t, start(t, cfg))
}
