package databases

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Deadlock makes another session's transaction end with 40P01. It locks with the
// first statement what that session will ask for, waits until somebody
// asks, and then asks with the second for what that session holds. The other
// session is the one that is ended, since this one's deadlock_timeout is longer.
// It reports whether it was. ctx bounds all of it; when nobody came until then,
// it reports false and no error.
func (s *Server) Deadlock(ctx context.Context, database, first, second string) (struck bool, err error) {
	before, err := s.deadlocksOfOthers()
	if err != nil {
		return false, err
	}
	conn, err := s.lockUp(ctx, database, "deadlock", []string{"SET LOCAL deadlock_timeout = '5s'", first})
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the server ends the transaction in any case
	if came, err := s.awaitWaiter(ctx, database, conn.PgConn().PID()); !came {
		return false, err
	}
	var ended *pgconn.PgError
	if _, err := conn.Exec(ctx, second); errors.As(err, &ended) && ended.Code == deadlockDetected {
		return false, nil // the other had waited too long to look again
	} else if err != nil {
		return false, fmt.Errorf("a deadlock in database %s: %w", s.cfg.Name, err)
	}
	after, err := s.deadlocksOfOthers()
	return after > before, err
}

func (s *Server) deadlocksOfOthers() (int, error) {
	all, err := s.Logged(deadlockDetected, nil)
	if err != nil {
		return 0, err
	}
	own, err := s.Logged(deadlockDetected, regexp.MustCompile("^"+side))
	return all - own, err
}

const deadlockDetected = "40P01"

// awaitWaiter reports false without an error when ctx ended first.
func (s *Server) awaitWaiter(ctx context.Context, database string, pid uint32) (bool, error) {
	watcher, err := s.session(ctx, database, "watch")
	if err != nil {
		return false, err
	}
	defer watcher.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it was only read from
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		pids, err := blockedBy(ctx, watcher, pid)
		switch {
		case ctx.Err() != nil:
			return false, nil
		case err != nil:
			return false, fmt.Errorf("watching for a deadlock in database %s: %w", s.cfg.Name, err)
		case len(pids) > 0:
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-ticker.C:
		}
	}
}
