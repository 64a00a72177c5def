package pgserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const codeWrongPassword = "28P01"

// awaitReady polls until the server answers; while it recovers it says that it
// is starting up, and no signal announces the end of that.
func (s *Server) awaitReady(ctx context.Context) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := s.ensureDatabase(ctx)
		var refused *pgconn.PgError
		switch {
		case err == nil || errors.Is(err, ErrPortTaken):
			return err
		case errors.As(err, &refused) && refused.Code == codeWrongPassword:
			return fmt.Errorf("%w: the one in %s is not that of data directory %s", ErrPasswordLost, s.cfg.PasswordFile, s.cfg.DataDir)
		}
		select {
		case <-s.proc.done:
			return fmt.Errorf("it ended while starting: %w", s.proc.exit())
		case <-ctx.Done():
			return fmt.Errorf("%w (last answer: %w)", context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}

// ensureDatabase asks the server itself. It makes sure that the one which
// answers is ours: another may have taken the port before it.
func (s *Server) ensureDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.urlOf("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it has served its purpose
	var directory string
	var exists bool
	err = conn.QueryRow(ctx, `SELECT current_setting('data_directory'),
		EXISTS (SELECT FROM pg_database WHERE datname = $1)`, s.cfg.Database).Scan(&directory, &exists)
	if err != nil {
		return err
	}
	if directory != s.cfg.DataDir {
		return fmt.Errorf("%w: another Postgres, of %s, answers on %s:%d", ErrPortTaken, directory, loopback, s.port)
	}
	if exists {
		return nil
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{s.cfg.Database}.Sanitize())
	return err
}
