package postgres_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// logbook collects log lines for assertions.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// count is the number of lines that contain all the words.
func (b *logbook) count(words ...string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for line := range strings.Lines(b.buf.String()) {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			n++
		}
	}
	return n
}

func newLog() (*logrus.Entry, *logbook) {
	book := &logbook{}
	l := logrus.New()
	l.SetOutput(book)
	l.SetLevel(logrus.DebugLevel)
	l.SetFormatter(&logrus.JSONFormatter{})
	return logrus.NewEntry(l), book
}

// ledgerOf makes a small table to write to.
func ledgerOf(t *testing.T, db *postgres.DB) {
	t.Helper()
	_, err := db.Exec(t.Context(), "CREATE TABLE entries (id int PRIMARY KEY, note text)")
	require.NoError(t, err)
}

func entries(t *testing.T, db *postgres.DB) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRow(context.Background(), "SELECT count(*) FROM entries").Scan(&n))
	return n
}

// idle asserts that no connection is lent out any more.
func idle(t *testing.T, db *postgres.DB) {
	t.Helper()
	require.Eventually(t, func() bool { return db.Stats().InUseConns == 0 }, 5*time.Second, time.Millisecond,
		"a connection was not returned")
}
