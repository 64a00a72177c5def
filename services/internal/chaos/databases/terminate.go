package databases

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Terminate ends the sessions whose application_name matches (nil: of all
// clients) with 57P01, and reports how many. This package's own are left alone.
func (s *Server) Terminate(ctx context.Context, application *regexp.Regexp) (int, error) {
	conn, err := s.session(ctx, superuser, "terminate")
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it has served its purpose
	n, err := terminate(ctx, conn, application)
	if err != nil {
		return n, fmt.Errorf("ending sessions of database %s: %w", s.cfg.Name, err)
	}
	return n, nil
}

// terminate matches names here, as everything else in this package does:
// Postgres's expressions are others than Go's.
func terminate(ctx context.Context, conn *pgx.Conn, application *regexp.Regexp) (int, error) {
	rows, err := conn.Query(ctx,
		"SELECT pid, application_name FROM pg_stat_activity WHERE backend_type = 'client backend'")
	if err != nil {
		return 0, err
	}
	var (
		pids []int32
		pid  int32
		name string
	)
	if _, err := pgx.ForEachRow(rows, []any{&pid, &name}, func() error {
		if !strings.HasPrefix(name, side) && (application == nil || application.MatchString(name)) {
			pids = append(pids, pid)
		}
		return nil
	}); err != nil {
		return 0, err
	}
	ended := 0
	for _, pid := range pids {
		var was bool
		if err := conn.QueryRow(ctx, "SELECT pg_terminate_backend($1)", pid).Scan(&was); err != nil {
			return ended, err
		}
		if was {
			ended++
		}
	}
	return ended, nil
}
