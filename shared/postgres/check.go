package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// checkAfterIdle is how long a connection may lie idle before it has to answer
// a ping to be lent out.
const checkAfterIdle = time.Second

// idleFor is the key under which a connection that is about to be lent out
// carries how long it was idle.
const idleFor = "alphapulse.idle_for"

// checkBeforeUse makes the pool ping a connection that was idle before lending
// it out. One that does not answer is replaced, and the caller gets another.
//
// The ping is ours and not pgxpool's, because a connection that is open and
// silent costs PingTimeout: the first of them condemns the others, and whoever
// waits does not pay for each.
func (db *DB) checkBeforeUse(cfg *pgxpool.Config) {
	cfg.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool {
		p.Conn.PgConn().CustomData()[idleFor] = p.IdleDuration
		return false
	}
	cfg.PrepareConn = db.prepare
}

func (db *DB) prepare(ctx context.Context, conn *pgx.Conn) (usable bool, err error) {
	idle, _ := conn.PgConn().CustomData()[idleFor].(time.Duration)
	if conn.IsClosed() {
		return false, nil
	}
	if idle <= checkAfterIdle && db.health.lastError() == nil {
		return true, nil
	}
	pingCtx, cancel := context.WithTimeout(ctx, db.cfg.PingTimeout)
	defer cancel()
	err = conn.Ping(pingCtx)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, ctx.Err() // the caller's time is up, which says nothing
	}
	db.counts.failedChecks.Add(1)
	db.connLog(conn).WithError(err).Warn("connection failed its check before use")
	if errors.Is(pingCtx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("a connection is open and silent: %w", err)
		db.health.failed(err)
		db.replaceConns(err)
	}
	return false, nil
}

// unfit says why a server that answers is of no use to the pool. Postgres tells
// its clients by itself whether it takes writes, so asking costs nothing; behind
// a pooler that does not pass this on, the first write finds out (25006).
func (db *DB) unfit(conn *pgx.Conn) error {
	if db.cfg.Replica {
		return nil
	}
	for _, setting := range []string{"in_hot_standby", "default_transaction_read_only"} {
		if conn.PgConn().ParameterStatus(setting) == "on" {
			return fmt.Errorf("%w (%s is on)", ErrReadOnly, setting)
		}
	}
	return nil
}

// check asks whether the server can do the pool's work. Connections that died
// with an earlier server are used up on the way, since they say nothing about
// the server as it is; a server that refuses writes is left once, since another
// one of the URL may be the primary now.
func (db *DB) check(ctx context.Context) error {
	readOnly := false
	for range db.cfg.MaxConns + 2 {
		err := db.examine(ctx)
		var failed *failedPing
		switch {
		case errors.Is(err, ErrReadOnly) && !readOnly:
			readOnly = true
		case errors.As(err, &failed) && !failed.silent && ctx.Err() == nil:
		default:
			return err
		}
	}
	return fmt.Errorf("%w: no connection of pool %q answers", ErrUnavailable, db.cfg.Name)
}

// readClock pings with a question that is worth its way: what time the server has.
func (db *DB) readClock(ctx context.Context, conn *pgx.Conn) error {
	var read time.Time
	asked := time.Now()
	err := conn.QueryRow(ctx, "SELECT clock_timestamp()", pgx.QueryExecModeSimpleProtocol).Scan(&read)
	if err == nil {
		db.clock.note(read, asked.Add(time.Since(asked)/2))
	}
	return err
}

// failedPing is a connection that is of no use; the next one may be.
type failedPing struct {
	silent bool // it is open, and nothing came
	cause  error
}

func (e *failedPing) Error() string { return "pinging Postgres: " + e.cause.Error() }
func (e *failedPing) Unwrap() error { return e.cause }

// examine asks one connection, and destroys it if the answer is no good.
func (db *DB) examine(ctx context.Context) error {
	conn, err := db.Acquire(ctx, "health check")
	if err != nil {
		return err
	}
	pingCtx, cancel := context.WithTimeout(ctx, db.cfg.PingTimeout)
	defer cancel()
	err = db.readClock(pingCtx, conn.pgx())
	if err != nil {
		silent := errors.Is(pingCtx.Err(), context.DeadlineExceeded)
		conn.destroy()
		if silent && ctx.Err() == nil {
			db.replaceConns(fmt.Errorf("a connection is open and silent: %w", err))
		}
		return &failedPing{silent: silent, cause: err}
	}
	if err := db.unfit(conn.pgx()); err != nil {
		conn.destroy()
		db.replaceConns(err)
		return err
	}
	conn.Release()
	return nil
}
