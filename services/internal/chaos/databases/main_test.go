package databases_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// shared is a server for the tests that leave its processes alone; each has a
// database of its own there.
var (
	shared *databases.Server
	number atomic.Int32
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "alphapulse-databases-")
	if err == nil {
		defer os.RemoveAll(dir)    //nolint:errcheck // in the directory of temporary files
		err = os.Chmod(dir, 0o711) //nolint:gosec // the user that Postgres runs as must enter it
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		shared, err = databases.Start(ctx, quick(dir, "shared"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := end(shared); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// quick spares what only the loss of the machine's power would show.
func quick(dir, name string) databases.Config {
	return databases.Config{
		Name: name, Dir: filepath.Join(dir, name), Logs: dir,
		Settings: map[string]string{"fsync": "off", "deadlock_timeout": "200ms"},
	}
}

// start gives a server of t's own.
func start(t *testing.T, cfg databases.Config) *databases.Server {
	t.Helper()
	s, err := databases.Start(patient(t), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, end(s)) })
	return s
}

// end stops a server in a way that leaves nothing in the system's memory.
func end(s *databases.Server) error {
	if s.PID() == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return s.Stop(ctx, databases.Immediate)
}

// patient bounds what takes a moment on a machine that has nothing else to do.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// own serves a new server in a directory of t's own.
func own(t *testing.T) *databases.Server {
	t.Helper()
	return start(t, quick(pgtest.Dir(t), "primary"))
}

// database makes one on the shared server, with a table of notes, and gives its
// name.
func database(t *testing.T) string {
	t.Helper()
	name := "test" + strconv.Itoa(int(number.Add(1)))
	require.NoError(t, shared.Exec(patient(t), "postgres", "CREATE DATABASE "+name))
	notes(t, shared, name)
	return name
}

func notes(t *testing.T, s *databases.Server, database string) {
	t.Helper()
	require.NoError(t, s.Exec(patient(t), database, "CREATE TABLE notes (note text PRIMARY KEY)"))
}

// connect opens a plain connection with an application_name.
func connect(t *testing.T, url, application string) *pgx.Conn {
	t.Helper()
	conn, err := tryConnect(patient(t), url, application)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func tryConnect(ctx context.Context, url, application string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["application_name"] = application
	return pgx.ConnectConfig(ctx, cfg)
}

// stored lists the notes as the server has them.
func stored(t *testing.T, s *databases.Server, database string) string {
	t.Helper()
	conn := connect(t, s.URL("", database), "reader")
	rows, err := conn.Query(patient(t), "SELECT note FROM notes ORDER BY note")
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return strings.Join(all, " ")
}

func insert(t *testing.T, on interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, note string,
) error {
	t.Helper()
	_, err := on.Exec(patient(t), "INSERT INTO notes VALUES ($1)", note)
	return err
}

// sqlstate is that of an error, or "".
func sqlstate(err error) string {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said.Code
	}
	return ""
}

// possible ends a test whose means are missing: by name, and as a failure where
// nothing may be left out.
func possible(t *testing.T, missing error) {
	t.Helper()
	if missing == nil {
		return
	}
	if os.Getenv("STRICT") != "" {
		t.Fatalf("not run: %v", missing)
	}
	t.Skipf("not run: %v", missing)
}

func app(name string) *regexp.Regexp { return regexp.MustCompile("^" + regexp.QuoteMeta(name) + "$") }

// soon waits for what no signal announces.
func soon(t *testing.T, happened func() bool) {
	t.Helper()
	require.Eventually(t, happened, time.Minute, 5*time.Millisecond)
}
