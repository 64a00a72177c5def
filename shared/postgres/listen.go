package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// A listener that hears nothing pings after listenQuiet and waits
	// listenPing for the answer, so a dead connection is noticed within 10 s.
	listenQuiet = 6 * time.Second
	listenPing  = 3 * time.Second

	minListenWait = 100 * time.Millisecond
	maxListenWait = 5 * time.Second
)

// Notification is one NOTIFY. The zero value means that listening has (again)
// begun: what was notified before is lost, so look at the tables now.
type Notification struct {
	Channel string
	Payload string
}

// Listen calls fn for every notification on the channels until ctx ends, and
// returns why it ended. It has a connection of its own outside the pool, which
// it replaces when it breaks or falls silent, and calls fn with the zero
// Notification after each connect.
//
// It is a hint and nothing more: whoever relies on it also polls. fn runs on
// the listening goroutine, so a slow fn delays later calls.
func (db *DB) Listen(ctx context.Context, channels []string, fn func(context.Context, Notification)) error {
	if len(channels) == 0 {
		return errors.New("listening needs at least one channel")
	}
	wait := minListenWait
	for {
		listened, err := db.listenOnce(ctx, channels, fn)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if listened {
			wait = minListenWait
		}
		db.log.WithError(err).WithField("retry_in", wait.String()).Warn("listening was interrupted")
		if !pause(ctx, wait/2+rand.N(wait/2)) {
			return context.Cause(ctx)
		}
		wait = min(2*wait, maxListenWait)
	}
}

// listenOnce serves one connection to its end, and tells whether it got so far
// as to listen.
func (db *DB) listenOnce(
	ctx context.Context, channels []string, fn func(context.Context, Notification),
) (listened bool, err error) {
	conn, err := db.connectListener(ctx)
	if err != nil {
		return false, err
	}
	defer db.closeListener(conn)
	for _, channel := range channels {
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return false, fmt.Errorf("listening on %q: %w", channel, err)
		}
	}
	fn(ctx, Notification{})
	for {
		n, err := nextNotification(ctx, conn)
		if err != nil {
			return true, err
		}
		if n != nil {
			fn(ctx, *n)
		}
	}
}

func (db *DB) connectListener(ctx context.Context) (*pgx.Conn, error) {
	cfg := db.pool.Config().ConnConfig
	cfg.RuntimeParams["application_name"] = shortenName(db.cfg.ApplicationName + "/listen")
	ctx, cancel := context.WithTimeout(ctx, db.cfg.ConnectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to listen: %w", err)
	}
	return conn, nil
}

func (db *DB) closeListener(conn *pgx.Conn) {
	db.closing(conn)
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()
	_ = conn.Close(ctx) // it may be broken already
}

// nextNotification returns nil when nothing came but the server still answers.
func nextNotification(ctx context.Context, conn *pgx.Conn) (*Notification, error) {
	waitCtx, cancel := context.WithTimeout(ctx, listenQuiet)
	defer cancel()
	n, err := conn.WaitForNotification(waitCtx)
	if err == nil {
		return &Notification{Channel: n.Channel, Payload: n.Payload}, nil
	}
	if waitCtx.Err() == nil || ctx.Err() != nil || conn.IsClosed() {
		return nil, fmt.Errorf("waiting for notifications: %w", err)
	}
	pingCtx, cancelPing := context.WithTimeout(ctx, listenPing)
	defer cancelPing()
	if err := conn.Ping(pingCtx); err != nil {
		return nil, fmt.Errorf("the listening connection is dead: %w", err)
	}
	return nil, nil
}
