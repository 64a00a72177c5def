package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"
)

// openedAt is the key under which a connection carries the time it was opened.
const openedAt = "alphapulse.opened_at"

// traceLifecycle logs every connection that is opened or closed, with its pool
// and backend, and counts attempts to connect for the pool's health.
func (db *DB) traceLifecycle(cfg *pgxpool.Config) {
	cfg.ConnConfig.Tracer = connectTracer{db: db}
	cfg.BeforeClose = db.closing
}

func (db *DB) opened(conn *pgx.Conn) {
	conn.PgConn().CustomData()[openedAt] = time.Now()
	if db.unfit(conn) == nil {
		db.health.succeeded()
	}
	db.connLog(conn).Info("connection opened")
}

func (db *DB) closing(conn *pgx.Conn) {
	db.counts.closed.Add(1)
	fields := logrus.Fields{"broken": conn.IsClosed()}
	if opened, ok := conn.PgConn().CustomData()[openedAt].(time.Time); ok {
		fields["age"] = time.Since(opened).Round(time.Millisecond).String()
	}
	db.connLog(conn).WithFields(fields).Info("connection closed")
}

func (db *DB) connLog(conn *pgx.Conn) *logrus.Entry {
	return db.log.WithField("backend_pid", conn.PgConn().PID())
}

// connectTracer sees every attempt to connect, also those of the pool itself.
// It traces queries too only because pgx asks for that; there it does nothing.
type connectTracer struct{ db *DB }

var _ interface {
	pgx.QueryTracer
	pgx.ConnectTracer
} = connectTracer{}

func (connectTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (connectTracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (connectTracer) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return ctx
}

func (t connectTracer) TraceConnectEnd(ctx context.Context, data pgx.TraceConnectEndData) {
	switch {
	case data.Err == nil:
		t.db.opened(data.Conn)
	case ctx.Err() != nil && !isConnectionFailure(data.Err):
	default:
		t.db.log.WithError(data.Err).Debug("connection failed")
		t.db.health.failed(data.Err)
	}
}

// resetPause keeps a burst of errors from resetting the pool again and again.
const resetPause = time.Second

type resetter struct {
	mu   sync.Mutex
	last time.Time
}

func (r *resetter) due() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.last) < resetPause {
		return false
	}
	r.last = time.Now()
	return true
}

// observe passes err on. If it says that the server is stopping or no longer
// the primary, all connections of the pool are replaced: those in use when
// they are returned, the others now. If it says that the server may be away,
// that is checked now and not only at the next period.
func (db *DB) observe(err error) error {
	if err == nil {
		return nil
	}
	if demandsReset(err) {
		db.replaceConns(err)
	}
	if IsConnection(err) {
		db.doubt()
	}
	return err
}

// replaceConns gives up every connection of the pool, at most once a second.
func (db *DB) replaceConns(because error) {
	if !db.reset.due() {
		return
	}
	db.log.WithError(because).Warn("connections reset")
	db.counts.resets.Add(1)
	db.pool.Reset()
}
