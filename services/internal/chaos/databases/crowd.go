package databases

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const tooManyConnections = "53300"

// Crowd takes every connection that a server has free, those reserved for
// superusers too, and each one that becomes free, until it is released. Who
// connects meanwhile gets 53300.
type Crowd struct {
	server *Server
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	conns   []*pgx.Conn // the first one also works
	before  int         // refusals in the log
	refused int         // refusals of the crowd itself
}

// Crowd returns when no connection is free.
func (s *Server) Crowd(ctx context.Context) (*Crowd, error) {
	before, err := s.Logged(tooManyConnections, nil)
	if err != nil {
		return nil, err
	}
	keep, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &Crowd{server: s, before: before, cancel: cancel, done: make(chan struct{})}
	for {
		full, err := c.take(ctx)
		if err != nil {
			cancel()
			c.leave()
			return nil, fmt.Errorf("taking all connections of database %s: %w", s.cfg.Name, err)
		}
		if full {
			go c.keep(keep)
			return c, nil
		}
	}
}

// take opens one more connection, and reports whether there was none left.
func (c *Crowd) take(ctx context.Context) (full bool, err error) {
	if full, err := c.full(ctx); full || err != nil {
		return full, err
	}
	conn, err := c.server.session(ctx, superuser, "crowd")
	c.mu.Lock()
	defer c.mu.Unlock()
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == tooManyConnections {
		c.refused++
		return true, nil
	}
	if err != nil {
		return false, err
	}
	c.conns = append(c.conns, conn)
	return false, nil
}

// full asks before it tries: a try that fails is in the log like everybody
// else's. Connections that were lost with a server's life are given up.
func (c *Crowd) full(ctx context.Context) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.conns) > 0 {
		var full bool
		err := c.conns[0].QueryRow(ctx, `SELECT count(*) >= current_setting('max_connections')::int
			FROM pg_stat_activity WHERE backend_type = 'client backend'`).Scan(&full)
		if err == nil || ctx.Err() != nil {
			return full, err
		}
		c.conns = c.conns[1:]
	}
	return false, nil
}

func (c *Crowd) keep(ctx context.Context) {
	defer close(c.done)
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		full, err := c.take(ctx)
		if err == nil && !full {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C: // a free connection is not announced; a server that is down may come back
		}
	}
}

// Struck is how often the server has refused others since the crowd came.
func (c *Crowd) Struck() (int, error) {
	logged, err := c.server.Logged(tooManyConnections, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	return logged - c.before - c.refused, err
}

// Evict ends the sessions whose application_name matches (57P01), whose
// connections the crowd then takes, and reports how many.
func (c *Crowd) Evict(ctx context.Context, application *regexp.Regexp) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.conns) == 0 {
		return 0, fmt.Errorf("ending sessions of database %s: the crowd has no connection", c.server.cfg.Name)
	}
	n, err := terminate(ctx, c.conns[0], application)
	if err != nil {
		return n, fmt.Errorf("ending sessions of database %s: %w", c.server.cfg.Name, err)
	}
	return n, nil
}

// Held is how many connections the crowd has.
func (c *Crowd) Held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

// Release gives all connections back; again does nothing.
func (c *Crowd) Release() {
	c.cancel()
	<-c.done
	c.leave()
}

// leaveWithin bounds the farewell of one connection, whose server may be gone.
const leaveWithin = time.Second

func (c *Crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
		_ = conn.Close(ctx) // of a server that was killed meanwhile
		cancel()
	}
	c.conns = nil
}
