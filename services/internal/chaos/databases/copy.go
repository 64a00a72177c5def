package databases

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
)

func (s *Server) copyTo(ctx context.Context, cfg Config, via string) error {
	args := []string{
		"-D", cfg.Dir, "-R", "-X", "stream", "-C", "-S", cfg.Name, "--checkpoint=fast", "--no-sync",
		"-d", "postgres://" + superuser + "@" + via + "/?sslmode=disable&application_name=" + cfg.Name,
	}
	mappings, err := s.mappings(ctx, cfg.Dir)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, s.basebackup(), append(args, mappings...)...) //nolint:gosec // found by pgserver
	cmd.Dir = cfg.Dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.programs.Credential}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_basebackup: %w: %s", err, said)
	}
	return nil
}

// mappings gives each tablespace of the server a place of its own on the same
// machine.
func (s *Server) mappings(ctx context.Context, dir string) ([]string, error) {
	conn, err := s.session(ctx, superuser, "tablespaces")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it was only read from
	rows, err := conn.Query(ctx, "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE pg_tablespace_location(oid) <> ''")
	if err != nil {
		return nil, err
	}
	places, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var args []string
	for i, place := range places {
		copied := dir + ".tablespace-" + strconv.Itoa(i+1)
		if err := os.Mkdir(copied, 0o700); err != nil {
			return nil, err
		}
		if err := s.own(copied); err != nil {
			return nil, err
		}
		args = append(args, "-T", place+"="+copied)
	}
	return args, nil
}
