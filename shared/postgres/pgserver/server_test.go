package pgserver_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestDataOutlivesTheServer(t *testing.T) {
	t.Parallel()
	cfg := quick(filepath.Join(pgtest.Dir(t), "deep", "below", "data"))
	first, err := pgserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	makeNotes(t, first.URL())
	require.Equal(t, "alphapulse", query(t, first.URL(), "SELECT current_database()"))
	require.Equal(t, "UTF8", query(t, first.URL(), "SHOW server_encoding"))
	require.Equal(t, "C", query(t, first.URL(), "SELECT datcollate FROM pg_database WHERE datname = 'alphapulse'"))
	stop(t, first)
	require.NoError(t, <-first.Done(), "it was stopped on purpose")

	second := start(t, cfg)
	require.Equal(t, "kept", query(t, second.URL(), "SELECT note FROM notes"))
}

func TestOnlyThisMachineAndThisUserReachIt(t *testing.T) {
	t.Parallel()
	s := start(t, quick(filepath.Join(pgtest.Dir(t), "data")))
	require.Equal(t, "127.0.0.1", query(t, s.URL(), "SHOW listen_addresses"))
	info, err := os.Stat(s.SocketDir())
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077, "the socket's directory is private")
	socket := "postgres://postgres@/alphapulse?host=" + url.QueryEscape(s.SocketDir()) + "&port=" + strconv.Itoa(s.Port())
	require.Equal(t, "postgres", query(t, socket, "SELECT current_user::text"))
}

func TestALongPathGetsAShortSocketDirectory(t *testing.T) {
	t.Parallel()
	s, err := pgserver.Start(t.Context(), quick(filepath.Join(pgtest.Dir(t), strings.Repeat("long", 25), "data")))
	require.NoError(t, err)
	require.Less(t, len(s.SocketDir()), 60)
	socket := "postgres://postgres@/alphapulse?host=" + url.QueryEscape(s.SocketDir()) + "&port=" + strconv.Itoa(s.Port())
	require.Equal(t, "postgres", query(t, socket, "SELECT current_user::text"))
	stop(t, s)
	require.NoError(t, <-s.Done())
	require.NoDirExists(t, s.SocketDir(), "what was made outside the data directory is gone")
}

func TestTwoStartsOnOneDirectory(t *testing.T) {
	t.Parallel()
	cfg := quick(filepath.Join(pgtest.Dir(t), "data"))
	first := start(t, cfg)
	_, err := pgserver.Start(t.Context(), cfg)
	require.ErrorIs(t, err, pgserver.ErrInUse)
	require.ErrorContains(t, err, "process "+strconv.Itoa(os.Getpid()))
	require.Equal(t, "1", query(t, first.URL(), "SELECT '1'"), "the first is not disturbed")
}

// Two first starts at the same moment must not run two initdbs into one place.
func TestTwoFirstStartsAtOnce(t *testing.T) {
	t.Parallel()
	cfg := quick(filepath.Join(pgtest.Dir(t), "data"))
	type result struct {
		s   *pgserver.Server
		err error
	}
	results := make(chan result, 2)
	for range 2 {
		go func() {
			s, err := pgserver.Start(context.Background(), cfg)
			results <- result{s, err}
		}()
	}
	var served, refused int
	for range 2 {
		if r := <-results; r.err == nil {
			served++
			t.Cleanup(func() { stop(t, r.s) })
		} else {
			require.ErrorIs(t, r.err, pgserver.ErrInUse)
			refused++
		}
	}
	require.Equal(t, 1, served)
	require.Equal(t, 1, refused)
}

func TestATakenPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port

	cfg := quick(filepath.Join(pgtest.Dir(t), "data"))
	cfg.Port = port
	_, err = pgserver.Start(t.Context(), cfg)
	require.ErrorIs(t, err, pgserver.ErrPortTaken)
	require.ErrorContains(t, err, strconv.Itoa(port))

	// Taken between the choice of a port and its use: the server's own words
	// are understood, and other ports are tried before giving up.
	cfg.Port = 0
	cfg.Settings["port"] = strconv.Itoa(port)
	_, err = pgserver.Start(t.Context(), cfg)
	require.ErrorIs(t, err, pgserver.ErrPortTaken)

	delete(cfg.Settings, "port")
	start(t, cfg) // and nothing of it stands in the way
}

func TestDoneTellsOfAnUnwantedEnd(t *testing.T) {
	t.Parallel()
	s := start(t, quick(filepath.Join(pgtest.Dir(t), "data")))
	require.NoError(t, syscall.Kill(s.Pid(), syscall.SIGTERM))
	select {
	case err := <-s.Done():
		require.ErrorContains(t, err, "without an error")
		require.ErrorContains(t, err, "received smart shutdown request", "its last lines are shown")
	case <-time.After(10 * time.Second):
		t.Fatal("the end of the server went unnoticed")
	}
}

func TestStopDoesNotWaitForSessions(t *testing.T) {
	t.Parallel()
	s := start(t, quick(filepath.Join(pgtest.Dir(t), "data")))
	conn, err := pgx.Connect(t.Context(), s.URL())
	require.NoError(t, err)
	go conn.Exec(context.Background(), "SELECT pg_sleep(600)") //nolint:errcheck // it is to be cut off
	begun := time.Now()
	stop(t, s)
	require.Less(t, time.Since(begun), 5*time.Second)
}

func TestStopThatIsOutOfTimeStopsAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, quick(filepath.Join(pgtest.Dir(t), "data")))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, s.Stop(ctx))
	require.NoError(t, <-s.Done())
}
