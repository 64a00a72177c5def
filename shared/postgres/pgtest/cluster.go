package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
)

// URLVariable names a server to use instead of starting one.
const URLVariable = "ALPHAPULSE_TEST_DATABASE_URL"

// shared is the one server of this test binary. It is a variable because
// tests meet nowhere else.
var shared cluster

// cluster is a server with the migrated template on it.
type cluster struct {
	mu      sync.Mutex
	tried   bool
	err     error
	url     string // of a database to create others from
	scratch *scratch
	server  *pgserver.Server
}

// Main runs the tests and stops the server they started. It does not return.
func Main(m *testing.M) {
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// start starts the server once; a failure is remembered, so that every test
// reports it at once instead of waiting for it again.
func (c *cluster) start(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.tried {
		c.tried = true
		c.err = c.startServer(ctx)
		if c.err == nil {
			c.err = makeTemplate(ctx, c.url)
		}
	}
	return c.url, c.err
}

func (c *cluster) startServer(ctx context.Context) error {
	if c.url = os.Getenv(URLVariable); c.url != "" {
		return nil
	}
	var err error
	if c.scratch, err = makeScratch(); err != nil {
		return err
	}
	c.server, err = pgserver.Start(ctx, pgserver.Config{
		DataDir:  filepath.Join(c.scratch.dir, "data"),
		Database: "postgres",
		Settings: fastAndForgetful(),
		Log:      discard(),
	})
	if err != nil {
		_ = c.scratch.remove()
		return fmt.Errorf("starting Postgres for the tests: %w", err)
	}
	c.url = c.server.URL()
	return nil
}

// fastAndForgetful trades what only a crash of the machine would show for speed.
func fastAndForgetful() map[string]string {
	return map[string]string{
		"fsync":              "off",
		"synchronous_commit": "off",
		"full_page_writes":   "off",
		"wal_level":          "minimal",
		"max_wal_senders":    "0",
		"max_connections":    "300",
		"shared_buffers":     "64MB",
		"checkpoint_timeout": "1h",
		"max_wal_size":       "512MB",
		"autovacuum":         "off",
	}
}

func (c *cluster) stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(c.server.Stop(ctx), c.scratch.remove())
}

func discard() *logrus.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return logrus.NewEntry(l)
}
