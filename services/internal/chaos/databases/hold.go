package databases

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Hold is a transaction of a side session that stays open.
type Hold struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	waiters map[uint32]bool
}

// Lock runs statements that lock something in a transaction of its own and
// keeps that open for some time, or until it is released. ctx bounds the wait
// for the locks.
func (s *Server) Lock(ctx context.Context, database string, howLong time.Duration, statements ...string) (*Hold, error) {
	holder, err := s.lockUp(ctx, database, "lock", statements)
	if err != nil {
		return nil, err
	}
	watcher, err := s.session(ctx, database, "watch")
	if err != nil {
		return nil, errors.Join(err, holder.Close(context.WithoutCancel(ctx)))
	}
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), howLong)
	h := &Hold{cancel: cancel, done: make(chan struct{}), waiters: make(map[uint32]bool)}
	go h.keep(keep, holder, watcher)
	return h, nil
}

// LockTable is Lock of a whole table, against reads too: whoever waits longer
// than his lock_timeout gets 55P03. The name may be qualified.
func (s *Server) LockTable(ctx context.Context, database, table string, howLong time.Duration) (*Hold, error) {
	return s.Lock(ctx, database, howLong, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
}

func (s *Server) lockUp(ctx context.Context, database, role string, statements []string) (*pgx.Conn, error) {
	conn, err := s.session(ctx, database, role)
	if err != nil {
		return nil, err
	}
	for _, sql := range append([]string{"BEGIN"}, statements...) {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return nil, errors.Join(fmt.Errorf("locking in database %s: %s: %w", s.cfg.Name, sql, err),
				conn.Close(context.WithoutCancel(ctx)))
		}
	}
	return conn, nil
}

// keep holds the locks and notes whom they stop until ctx ends or the server is
// gone.
func (h *Hold) keep(ctx context.Context, holder, watcher *pgx.Conn) {
	defer close(h.done)
	defer h.cancel()
	end := context.WithoutCancel(ctx)
	defer holder.Close(end)  //nolint:errcheck // the server ends the transaction in any case
	defer watcher.Close(end) //nolint:errcheck // it was only read from
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			pids, err := blockedBy(ctx, watcher, holder.PgConn().PID())
			if err != nil {
				return
			}
			h.note(pids)
		}
	}
}

func (h *Hold) note(pids []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, pid := range pids {
		h.waiters[pid] = true
	}
}

// blockedBy lists the sessions that wait for one.
func blockedBy(ctx context.Context, conn *pgx.Conn, pid uint32) ([]uint32, error) {
	rows, err := conn.Query(ctx, `SELECT pid FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND $1::int = ANY (pg_blocking_pids(pid))`, int32(pid)) //nolint:gosec // a process id
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uint32])
}

// Struck is how many sessions have waited for the locks so far.
func (h *Hold) Struck() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiters)
}

// Release gives the locks back and returns when they are free; again does
// nothing.
func (h *Hold) Release() {
	h.cancel()
	<-h.done
}

// Done is closed when the locks are free.
func (h *Hold) Done() <-chan struct{} { return h.done }
