package databases_test

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
	"github.com/alphapulse/alphapulse/services/internal/process"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// A backend in a loop does not notice that its postmaster is gone: were it left
// alive, it would keep the next life from beginning.
func TestAKilledServerKeepsWhatWasCommittedAndNoMore(t *testing.T) {
	t.Parallel()
	s := own(t)
	notes(t, s, "postgres")
	url := s.URL("", "postgres")
	writer, spinner := connect(t, url, "writer"), connect(t, url, "spinner")
	require.NoError(t, insert(t, writer, "committed"))
	tx, err := writer.Begin(patient(t))
	require.NoError(t, err)
	require.NoError(t, insert(t, tx, "uncommitted"))
	spun := busy(t, s, spinner, "DO $$ BEGIN LOOP END LOOP; END $$")

	require.NoError(t, s.Kill(patient(t)))
	require.Zero(t, s.PID())
	require.Error(t, <-spun)
	require.Error(t, tx.Commit(patient(t)))
	require.NoError(t, s.Kill(patient(t)), "again does nothing")
	require.ErrorIs(t, s.Stop(patient(t), databases.Fast), process.ErrNotRunning)

	require.NoError(t, s.Start(patient(t)))
	require.Equal(t, url, s.URL("", "postgres"))
	require.Equal(t, 2, s.Lives())
	require.Equal(t, "committed", stored(t, s, "postgres"))
	require.ErrorIs(t, s.Start(patient(t)), process.ErrRunning)
}

func TestAServerStopsInTwoWays(t *testing.T) {
	t.Parallel()
	s := own(t)
	notes(t, s, "postgres")
	for _, way := range []struct {
		how  databases.Shutdown
		code string
	}{{databases.Immediate, ""}, {databases.Fast, "57P01"}} {
		conn := connect(t, s.URL("", "postgres"), "client")
		require.NoError(t, insert(t, conn, "before "+way.code))
		said := asleep(t, s, conn)
		require.NoError(t, s.Restart(patient(t), way.how))
		err := <-said
		require.Error(t, err)
		require.Equal(t, way.code, sqlstate(err), "%v", err)
	}
	require.Equal(t, "before  before 57P01", stored(t, s, "postgres"))
	require.Equal(t, 3, s.Lives())
}

func TestAPausedServerIsSilent(t *testing.T) {
	t.Parallel()
	s := own(t)
	notes(t, s, "postgres")
	url := s.URL("", "postgres")
	conn := connect(t, url, "client")
	require.NoError(t, s.Pause(patient(t)))
	answered := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "INSERT INTO notes VALUES ('late')")
		answered <- err
	}()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := tryConnect(short, url, "newcomer")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, answered)
	require.NoError(t, s.Continue())
	require.NoError(t, <-answered)
	require.Equal(t, "late", stored(t, s, "postgres"))

	require.NoError(t, s.Pause(patient(t)))
	require.NoError(t, s.Kill(patient(t)), "a paused server can be killed")
	require.ErrorIs(t, s.Continue(), process.ErrNotRunning)
	require.ErrorIs(t, s.Pause(patient(t)), process.ErrNotRunning)
	require.NoError(t, s.Start(patient(t)))
}

// While it is stopping it can still be killed: a session that is stopped itself
// never ends, and so the server waits for it.
func TestAServerThatDoesNotStopCanBeKilled(t *testing.T) {
	t.Parallel()
	s := own(t)
	conn := connect(t, s.URL("", "postgres"), "stuck")
	require.NoError(t, syscall.Kill(int(conn.PgConn().PID()), syscall.SIGSTOP))
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("out of patience"))
	defer cancel()
	require.ErrorContains(t, s.Stop(ctx, databases.Fast), "out of patience")
	require.NoError(t, s.Kill(patient(t)))
	require.NoError(t, s.Start(patient(t)))
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	cfg := quick(pgtest.Dir(t), "wrong")
	cfg.Settings["shared_buffers"] = "a lot"
	_, err := databases.Start(patient(t), cfg)
	require.ErrorContains(t, err, `invalid value for parameter "shared_buffers"`)
	_, err = databases.Start(patient(t), databases.Config{Dir: cfg.Dir})
	require.ErrorContains(t, err, "needs a data directory and one for its log")
	cfg.Logs = filepath.Join(cfg.Logs, "nowhere")
	_, err = databases.Start(patient(t), cfg)
	require.ErrorContains(t, err, "nowhere")
}

func TestErrorsAreCountedByCodeAndApplication(t *testing.T) {
	t.Parallel()
	d := database(t)
	for _, name := range []string{"counted/a", "counted/b"} {
		_, err := connect(t, shared.URL("", d), name).Exec(patient(t), "DO $$BEGIN RAISE 'counted' USING ERRCODE = 'AP001'; END$$")
		require.Equal(t, "AP001", sqlstate(err))
	}
	n, err := shared.Logged("AP001", app("counted/a"))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = shared.Logged("AP001", nil)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	n, err = shared.Logged("AP002", nil)
	require.NoError(t, err)
	require.Zero(t, n)
}

// busy begins a statement and returns when it runs; what comes of it comes later.
func busy(t *testing.T, s *databases.Server, conn *pgx.Conn, sql string) <-chan error {
	t.Helper()
	said := make(chan error, 1)
	backend := conn.PgConn().PID()
	go func() {
		_, err := conn.Exec(context.Background(), sql)
		said <- err
	}()
	watch := connect(t, s.URL("", conn.Config().Database), "watch")
	soon(t, func() bool {
		var running bool
		err := watch.QueryRow(patient(t),
			"SELECT state = 'active' AND query = $1 FROM pg_stat_activity WHERE pid = $2", sql, backend).Scan(&running)
		require.NoError(t, err)
		return running
	})
	return said
}

func asleep(t *testing.T, s *databases.Server, conn *pgx.Conn) <-chan error {
	t.Helper()
	return busy(t, s, conn, "SELECT pg_sleep(600)")
}
