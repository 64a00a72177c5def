package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/gather"
)

// DB is one pool of connections to one server. It is safe for any number of
// goroutines; a connection belongs to one of them at a time.
type DB struct {
	pool      *pgxpool.Pool
	cfg       Config
	log       *logrus.Entry
	holders   holders
	health    *health
	clock     serverClock
	counts    counters
	reset     resetter
	doubts    chan struct{} // an error that asks for a check now
	hinting   *gather.Groups[hint]
	hintsWait atomic.Int64 // how many are in hinting
	stop      context.CancelFunc
	done      sync.WaitGroup
}

// Open prepares a pool and starts its background check. It does not wait for
// the server, which may come up later: Ping and WaitReady ask for it. An error
// is a mistake in cfg. The pool lives until Close, not until ctx ends.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	poolConfig, err := cfg.poolConfig()
	if err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, log: cfg.Log, health: newHealth(cfg), doubts: make(chan struct{}, 1)}
	db.hinting = gather.New(hintsMost, 1, hintsRest, db.sendHints)
	db.traceLifecycle(poolConfig)
	db.checkBeforeUse(poolConfig)
	db.pool, err = pgxpool.NewWithConfig(ctx, poolConfig)
	if err != nil {
		return nil, fmt.Errorf("opening pool %q: %w", cfg.Name, err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	db.stop = stop
	db.done.Go(func() { db.checkHealth(background) })
	return db, nil
}

// closeTimeout bounds Close: a stop must end even when a server does not
// answer or a connection is never returned.
const closeTimeout = 3 * time.Second

// Close ends the background check and closes every connection, after those in
// use have been returned. What is not closed within three seconds is named in
// the log and left to the end of the process.
func (db *DB) Close() {
	db.stop()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		db.done.Wait()
		db.pool.Close()
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
		db.log.WithField("held_by", db.holders.list()).Warn("connections could not be closed in time")
	}
}

// Name is the pool's name.
func (db *DB) Name() string { return db.cfg.Name }

// Ping asks the server for an answer over a pooled connection.
func (db *DB) Ping(ctx context.Context) error {
	conn, err := db.Acquire(ctx, "ping")
	if err != nil {
		return err
	}
	defer conn.Release()
	pingCtx, cancel := context.WithTimeout(ctx, db.cfg.PingTimeout)
	defer cancel()
	if err := conn.pgx().Ping(pingCtx); err != nil {
		return fmt.Errorf("pinging Postgres over pool %q: %w", db.cfg.Name, err)
	}
	return nil
}

// readyPoll is how often WaitReady asks, readyLog how often it says so.
const (
	readyPoll = 100 * time.Millisecond
	readyLog  = 5 * time.Second
)

// WaitReady returns when the server answers. It gives up when ctx ends, and at
// once when the server refuses in a way that waiting will not change: unknown
// user, wrong password, no such database.
func (db *DB) WaitReady(ctx context.Context) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	var said time.Time
	for {
		err := db.Ping(ctx)
		if err == nil || isRefusal(err) || errors.Is(err, ErrNestedTransaction) {
			return err
		}
		if time.Since(said) >= readyLog {
			said = time.Now()
			db.log.WithError(err).Info("waiting for Postgres")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for Postgres: %w (last answer: %w)", context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}
