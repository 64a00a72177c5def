package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// measureTimeout bounds one question to either server.
const measureTimeout = 2 * time.Second

// identity tells servers apart: replicas share the first, and no other server
// shares both.
type identity struct {
	system  int64
	started time.Time
}

// measureOnce notes the primary's position and how much of the noted ones the
// replica has replayed. A primary that does not answer adds no position, so
// that the replica's age grows until it is no longer read.
func (r *Reads) measureOnce(ctx context.Context) {
	at := time.Now()
	var primary identity
	var lsn int64
	primaryErr := askOnce(ctx, r.primary, `SELECT c.system_identifier, pg_postmaster_start_time(),
			CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint END
		FROM pg_control_system() c`, &primary.system, &primary.started, &lsn)

	var replica identity
	var following bool
	var replayed int64
	replicaErr := askOnce(ctx, r.replica, `SELECT c.system_identifier, pg_postmaster_start_time(), pg_is_in_recovery(),
			coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint, 0)
		FROM pg_control_system() c`, &replica.system, &replica.started, &following, &replayed)

	if ctx.Err() != nil {
		return // cut off, which says nothing
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if primaryErr == nil && lsn > 0 {
		r.note(walSample{at: at, lsn: lsn})
	}
	switch {
	case replicaErr != nil:
		r.reason = fmt.Errorf("the replica does not answer: %w", replicaErr)
	case primaryErr == nil && replica.system != primary.system:
		r.reason = errors.New("DATABASE_READ_URL is another database cluster, not a replica of DATABASE_URL")
	case !following && primaryErr == nil && replica.started.Equal(primary.started):
		r.reason, r.fresh = nil, at // it is the primary itself
	case !following:
		r.reason = errors.New("DATABASE_READ_URL is not a replica any more: it has been promoted")
	default:
		r.advance(replayed)
	}
}

func askOnce(ctx context.Context, db *DB, sql string, dest ...any) error {
	ctx, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	return db.QueryRow(ctx, sql).Scan(dest...)
}

func (r *Reads) note(s walSample) {
	if len(r.samples) == maxSamples {
		r.samples = r.samples[1:]
	}
	r.samples = append(r.samples, s)
}

// advance finds the newest noted position that the replica has replayed, and
// forgets the older ones.
func (r *Reads) advance(replayed int64) {
	for len(r.samples) > 0 && r.samples[0].lsn <= replayed {
		r.fresh = r.samples[0].at
		r.samples = r.samples[1:]
	}
	if r.fresh.IsZero() {
		r.reason = errors.New("the replica has not caught up since this process started")
		return
	}
	r.reason = nil
}
