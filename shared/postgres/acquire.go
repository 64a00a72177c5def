package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Conn is one connection on loan: for a session's own state, such as an
// advisory lock. Everything else goes through InTx or DB's own methods.
// Release it; until then the pool's messages show its label.
type Conn struct {
	pooled *pgxpool.Conn
	db     *DB
	hold   uint64
}

// Acquire lends a connection. It waits no longer than Config.AcquireTimeout
// and ctx allow, and then says whether the pool was exhausted
// (ErrPoolExhausted, with the labels of those who hold its connections) or the
// server out of reach (ErrUnavailable).
func (db *DB) Acquire(ctx context.Context, label string) (*Conn, error) {
	if outer := enclosingTx(ctx); outer != "" {
		return nil, fmt.Errorf("%w: %q inside %q", ErrNestedTransaction, label, outer)
	}
	start := time.Now()
	acquireCtx, cancel := context.WithTimeout(ctx, db.cfg.AcquireTimeout)
	defer cancel()
	db.counts.waiting.Add(1)
	pooled, err := db.pool.Acquire(acquireCtx)
	db.counts.waiting.Add(-1)
	waited := time.Since(start)
	if err != nil {
		err = db.acquireError(ctx, err, label, waited)
	}
	if db.cfg.OnAcquire != nil {
		db.cfg.OnAcquire(waited, err)
	}
	if err != nil {
		return nil, err
	}
	return &Conn{pooled: pooled, db: db, hold: db.holders.add(label)}, nil
}

func (db *DB) acquireError(ctx context.Context, err error, label string, waited time.Duration) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("waiting for a connection of pool %q for %q: %w", db.cfg.Name, label, context.Cause(ctx))
	}
	if !errors.Is(err, context.DeadlineExceeded) || isConnectionFailure(err) {
		return db.observe(fmt.Errorf("connecting pool %q for %q: %w", db.cfg.Name, label, err))
	}
	holding := db.holders.list()
	if len(holding) >= int(db.cfg.MaxConns) {
		db.counts.exhausted.Add(1)
		return &ExhaustedError{
			Pool: db.cfg.Name, Size: db.cfg.MaxConns, Waited: waited, Label: label, Holders: holding, cause: ctx.Err(),
		}
	}
	db.doubt()
	reason := "the attempt to connect is still waiting"
	if last := db.health.lastError(); last != nil {
		reason = "last failure: " + last.Error()
	}
	return fmt.Errorf("%w: pool %q waited %s for a connection for %q; %s",
		ErrUnavailable, db.cfg.Name, waited.Round(time.Millisecond), label, reason)
}

// Release gives the connection back. One that is broken, busy or inside a
// transaction is destroyed instead. Further calls do nothing.
func (c *Conn) Release() {
	if !c.db.holders.remove(c.hold) {
		return
	}
	c.pooled.Release()
}

// destroy ends the connection and gives its place in the pool back.
func (c *Conn) destroy() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()
	_ = c.pgx().Close(ctx) // its end is what was wanted, in whatever state it was
	c.Release()
}

func (c *Conn) pgx() *pgx.Conn { return c.pooled.Conn() }

// Exec runs one statement on this connection.
func (c *Conn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	tag, err := c.pooled.Exec(ctx, sql, args...)
	return tag, c.db.observe(err)
}

// Query runs one query on this connection. Close the rows before its next use.
func (c *Conn) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := c.pooled.Query(ctx, sql, args...)
	return rows, c.db.observe(err)
}

// QueryRow runs one query on this connection; errors come from Scan.
func (c *Conn) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return c.pooled.QueryRow(ctx, sql, args...)
}
