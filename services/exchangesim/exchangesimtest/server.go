// Package exchangesimtest starts a stand-in exchange for a test and talks to it
// as a client would: over HTTP, signed.
package exchangesimtest

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
)

// Server is a running stand-in exchange. It stops when the test ends.
type Server struct {
	*exchangesim.Exchange
	URL  string
	seed int64
	now  func() time.Time
}

// Start serves an exchange on a loopback port. Accounts defaults to 4.
func Start(t testing.TB, cfg exchangesim.Config) *Server {
	t.Helper()
	if cfg.Accounts == 0 {
		cfg.Accounts = 4
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	x, err := exchangesim.New(cfg)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- x.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return &Server{Exchange: x, URL: "http://" + l.Addr().String(), seed: cfg.Seed, now: cfg.Clock}
}

// UID is the UID that account index was born with.
func (s *Server) UID(index int) string {
	_, _, uid := exchangesim.Credentials(s.seed, index)
	return uid
}

// Client signs with the first key of account index.
func (s *Server) Client(index int) *Client {
	key, secret, _ := exchangesim.Credentials(s.seed, index)
	return &Client{URL: s.URL, Key: key, Secret: secret, Now: s.now}
}

// Clock is a clock that only a test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at an instant.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now is the present.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the present on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
