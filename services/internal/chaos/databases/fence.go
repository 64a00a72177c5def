package databases

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// ReadOnly makes every later transaction of the server read-only (25006), or
// ends that. The sessions go on: it is the old primary of a fail-over that has
// been fenced and not yet restarted.
func (s *Server) ReadOnly(ctx context.Context, on bool) error {
	setting := "RESET default_transaction_read_only"
	if on {
		setting = "SET default_transaction_read_only = on"
	}
	if err := s.Exec(ctx, superuser, "ALTER SYSTEM "+setting); err != nil {
		return err
	}
	if err := s.Exec(ctx, superuser, "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	want := "off"
	if on {
		want = "on"
	}
	return s.awaitTrue(ctx, "SELECT current_setting('default_transaction_read_only') = '"+want+"'")
}

// Demote restarts the server, which may have been killed, as a standby that
// follows nobody: it answers reads, and writes with 25006. It is the old primary
// of a fail-over that came back. It stays one in later lives.
func (s *Server) Demote(ctx context.Context) error {
	if s.PID() != 0 {
		if err := s.Stop(ctx, Fast); err != nil {
			return err
		}
	}
	signal := filepath.Join(s.cfg.Dir, "standby.signal")
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		return fmt.Errorf("demoting database %s: %w", s.cfg.Name, err)
	}
	if err := s.own(signal); err != nil {
		return fmt.Errorf("demoting database %s: %w", s.cfg.Name, err)
	}
	return s.Start(ctx)
}
