package databases

import (
	"context"
	"fmt"
	"time"
)

// scan reads one value.
func (s *Server) scan(ctx context.Context, sql string, value any) error {
	conn, err := s.session(ctx, superuser, "ask")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it was only read from
	return conn.QueryRow(ctx, sql).Scan(value)
}

// awaitTrue asks in new sessions until the answer is yes: what is asked for is
// announced by nothing.
func (s *Server) awaitTrue(ctx context.Context, question string) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		var yes bool
		if err := s.scan(ctx, question, &yes); err != nil {
			return fmt.Errorf("asking database %s: %s: %w", s.cfg.Name, question, err)
		}
		if yes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting in database %s for %s: %w", s.cfg.Name, question, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}
