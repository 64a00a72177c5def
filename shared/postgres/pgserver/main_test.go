package pgserver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
)

// parentVariable makes this binary play the parent of a server, to be killed.
const parentVariable = "ALPHAPULSE_TEST_SERVER_PARENT"

// slowVariable makes the shutdown of that parent's server take seconds.
const slowVariable = "ALPHAPULSE_TEST_SERVER_SLOW"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentVariable); dir != "" {
		playParent(dir)
	}
	os.Exit(m.Run())
}

// playParent starts a server, prints its process id and address, and waits for
// the end of its standard input, which never comes.
func playParent(dir string) {
	cfg := quick(dir)
	if os.Getenv(slowVariable) != "" {
		cfg.Settings["archive_mode"] = "on"
		cfg.Settings["archive_command"] = "sleep 3"
	}
	s, err := pgserver.Start(context.Background(), cfg)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.Pid(), s.URL())
	fmt.Println("ended:", <-s.Done())
	os.Exit(1)
}

func quick(dir string) pgserver.Config {
	return pgserver.Config{DataDir: dir, Settings: map[string]string{"fsync": "off"}}
}

func start(t *testing.T, cfg pgserver.Config) *pgserver.Server {
	t.Helper()
	s, err := pgserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *pgserver.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(t, s.Stop(ctx))
}

func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // one statement was all
	var out string
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&out))
	return out
}

func makeNotes(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // one statement was all
	_, err = conn.Exec(t.Context(), "CREATE TABLE notes AS SELECT 'kept' AS note")
	require.NoError(t, err)
}

// tree lists every path under dir with its size, to show that nothing changed.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			paths = append(paths, fmt.Sprint(path, " ", info.Size(), " ", info.Mode()))
		}
		return err
	}))
	return paths
}
