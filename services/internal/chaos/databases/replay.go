package databases

import (
	"context"
	"errors"
	"fmt"
)

// Promote makes the replica a primary: it takes writes when this returns. What
// it had not received is lost, and what it had not replayed it replays first.
func (r *Replica) Promote(ctx context.Context) error {
	var promoted bool
	err := r.scan(ctx, "SELECT pg_promote(true, 60)", &promoted)
	if err == nil && !promoted {
		err = errors.New("it did not become a primary within a minute")
	}
	if err != nil {
		return fmt.Errorf("promoting database %s: %w", r.cfg.Name, err)
	}
	return nil
}

// PauseReplay lets the replica fall behind: it receives and does not replay.
// The pause ends with ResumeReplay, a promotion, or this life.
func (r *Replica) PauseReplay(ctx context.Context) error {
	if err := r.Exec(ctx, superuser, "SELECT pg_wal_replay_pause()"); err != nil {
		return err
	}
	return r.awaitTrue(ctx, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
}

// ResumeReplay lets the replica catch up.
func (r *Replica) ResumeReplay(ctx context.Context) error {
	return r.Exec(ctx, superuser, "SELECT pg_wal_replay_resume()")
}

// Behind is how many bytes of log the replica has received and not replayed.
func (r *Replica) Behind(ctx context.Context) (bytes int64, err error) {
	err = r.scan(ctx, "SELECT coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0)::bigint", &bytes)
	if err != nil {
		return 0, fmt.Errorf("how far database %s is behind: %w", r.cfg.Name, err)
	}
	return bytes, nil
}

// CaughtUp returns when the replica has replayed what the primary has written
// until now.
func (r *Replica) CaughtUp(ctx context.Context, primary *Server) error {
	var position string
	if err := primary.scan(ctx, "SELECT pg_current_wal_lsn()::text", &position); err != nil {
		return fmt.Errorf("where database %s is: %w", primary.cfg.Name, err)
	}
	return r.awaitTrue(ctx, "SELECT pg_last_wal_replay_lsn() >= '"+position+"'::pg_lsn")
}
