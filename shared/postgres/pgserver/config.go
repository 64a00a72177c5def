package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"
)

// Config describes one private server. Only DataDir is required.
type Config struct {
	// DataDir is the Postgres data directory; it and its parents are created.
	DataDir string
	// Port on 127.0.0.1; 0 picks a free one.
	Port int
	// BinDir holds postgres and initdb. Empty: ALPHAPULSE_POSTGRES_BIN from
	// Env, pg_config, PATH, and the usual places of packages, in this order.
	BinDir string
	// Database is created when missing, and URL names it. Default "alphapulse".
	Database string
	// PasswordFile keeps the superuser's password (mode 0600) and is made with it;
	// then every connection must know a password (scram-sha-256). A data directory
	// that was made without one is closed at the next start. Empty: whoever reaches
	// the server is let in, which is for tests.
	PasswordFile string
	// Settings are further server parameters, such as {"fsync": "off"}.
	Settings map[string]string
	// StartTimeout bounds the wait for the first answer, recovery after a crash
	// included. Default 2 min.
	StartTimeout time.Duration
	// Log receives the server's own lines. Nil: they are kept only for the
	// message of a failed start.
	Log *logrus.Entry

	// pickPort finds a port for Port 0; tests lose the race for it on purpose.
	pickPort func() (int, error)
}

func (c Config) withDefaults() (Config, error) {
	if c.DataDir == "" {
		return c, errors.New("the Postgres data directory is not set")
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return c, fmt.Errorf("data directory %q: %w", c.DataDir, err)
	}
	c.DataDir = dir
	if c.Port < 0 || c.Port > 65535 {
		return c, fmt.Errorf("port %d is not between 1 and 65535 (0 picks a free one)", c.Port)
	}
	c.Database = cmp.Or(c.Database, "alphapulse")
	c.StartTimeout = cmp.Or(c.StartTimeout, 2*time.Minute)
	if c.pickPort == nil {
		c.pickPort = freePort
	}
	if c.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		c.Log = logrus.NewEntry(silent)
	}
	return c, nil
}

// startContext bounds a start.
func (c Config) startContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.StartTimeout,
		fmt.Errorf("Postgres did not answer within %s", c.StartTimeout))
}
