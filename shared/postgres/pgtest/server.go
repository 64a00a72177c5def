package pgtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
)

// stopTimeout bounds an orderly stop.
const stopTimeout = 30 * time.Second

// Server is a Postgres of a test's own, which the test stops, kills and starts
// again on the same port. It begins with an empty database and no schema.
type Server struct {
	t        testing.TB
	dir      string
	settings map[string]string
	running  *pgserver.Server // nil while it is down
	port     int
}

// NewServer starts a server with the settings and ends it with t.
func NewServer(t testing.TB, settings map[string]string) *Server {
	t.Helper()
	return startServer(t, Dir(t), settings)
}

func startServer(t testing.TB, dir string, settings map[string]string) *Server {
	t.Helper()
	s := &Server{t: t, dir: dir, settings: map[string]string{"fsync": "off"}}
	for name, value := range settings {
		s.settings[name] = value
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start starts it again after Stop or Kill, where it was.
func (s *Server) Start() {
	s.t.Helper()
	require.Nil(s.t, s.running, "it runs")
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	server, err := pgserver.Start(ctx, pgserver.Config{
		DataDir: filepath.Join(s.dir, "data"), Port: s.port, Settings: s.settings, Log: discard(),
	})
	require.NoError(s.t, err)
	s.running, s.port = server, server.Port()
}

// Stop shuts it down in order. Further calls do nothing.
func (s *Server) Stop() {
	s.t.Helper()
	if s.running == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	require.NoError(s.t, s.running.Stop(ctx))
	require.NoError(s.t, <-s.running.Done())
	s.running = nil
}

// Kill ends it with SIGKILL, which leaves it to recover at its next start.
func (s *Server) Kill() {
	s.t.Helper()
	require.NoError(s.t, syscall.Kill(s.running.Pid(), syscall.SIGKILL))
	require.Error(s.t, <-s.running.Done(), "nobody had asked it to end")
	s.running = nil
}

// URL is where it is reached, also while it is down.
func (s *Server) URL() string {
	return "postgres://postgres@127.0.0.1:" + strconv.Itoa(s.port) + "/alphapulse?sslmode=disable"
}

// Port is its TCP port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// DB names the server's database, to open pools on.
func (s *Server) DB() *DB { return &DB{URL: s.URL(), Name: "alphapulse"} }

// Replica starts a streaming replica of the server, and ends it with the test.
// It needs pg_basebackup, which packages of Postgres bring along.
func (s *Server) Replica() *Server {
	s.t.Helper()
	dir := Dir(s.t)
	// As root the copy is made as the owner of the primary's data, which the
	// server must be too.
	info, err := os.Stat(filepath.Join(s.dir, "data"))
	require.NoError(s.t, err)
	owner, ok := info.Sys().(*syscall.Stat_t)
	require.True(s.t, ok)
	require.NoError(s.t, os.Chown(dir, int(owner.Uid), int(owner.Gid)))
	bin, err := exec.Command("pg_config", "--bindir").Output()
	require.NoError(s.t, err)
	backup := exec.Command(filepath.Join(string(bin[:len(bin)-1]), "pg_basebackup"), //nolint:gosec // of the test machine
		"-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-U", "postgres", "-D", filepath.Join(dir, "data"),
		"-R", "-X", "stream", "--checkpoint=fast", "--no-sync")
	backup.Dir = dir
	if os.Geteuid() == 0 {
		backup.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	out, err := backup.CombinedOutput()
	require.NoError(s.t, err, "%s", out)
	return startServer(s.t, dir, s.settings)
}

// Promote makes a replica a primary.
func (s *Server) Promote() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	require.NoError(s.t, onServer(ctx, s.URL(), "SELECT pg_promote()"))
}

// SwitchTo stops the server, promotes its replica and starts the server again
// as a replica of that: an orderly change of places.
func (s *Server) SwitchTo(replica *Server) {
	s.t.Helper()
	s.Stop() // which sends the replica everything
	replica.Promote()
	data := filepath.Join(s.dir, "data")
	require.NoError(s.t, os.WriteFile(filepath.Join(data, "standby.signal"), nil, 0o600))
	file, err := os.OpenFile(filepath.Join(data, "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(s.t, err)
	_, err = file.WriteString("primary_conninfo = 'host=127.0.0.1 port=" + strconv.Itoa(replica.port) + " user=postgres'\n")
	require.NoError(s.t, err)
	require.NoError(s.t, file.Close())
	s.Start()
}
