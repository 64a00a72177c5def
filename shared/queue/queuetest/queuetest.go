// Package queuetest gives a test its own broker: a real nats-server with
// JetStream in this process, on a port and a store directory of its own.
package queuetest

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/broker"
)

// patience bounds what has no other bound in a test.
const patience = 30 * time.Second

// Server is a broker that a test can stop, start and rob of its memory. Its
// methods fail the test when something goes wrong.
type Server struct {
	t       testing.TB
	dir     string
	address string
	running *broker.Broker
}

// New starts a broker that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), address: "127.0.0.1:0"}
	s.Start()
	t.Cleanup(func() {
		if s.running != nil {
			s.Stop()
		}
	})
	return s
}

// URL is the same before and after a restart.
func (s *Server) URL() string { return "nats://" + s.address }

// MonitorURL is the base of its monitoring endpoints; a restart changes it.
func (s *Server) MonitorURL() string { return s.running.MonitorURL() }

// StoreDir is where the broker keeps its streams.
func (s *Server) StoreDir() string { return s.dir }

// Start starts a stopped broker on the same address and the same store.
func (s *Server) Start() {
	s.t.Helper()
	require.Nil(s.t, s.running, "the broker is running already")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := broker.Start(ctx, broker.Config{
		StoreDir: s.dir, Listen: s.address, Monitor: "127.0.0.1:0", Name: "queuetest", Log: Discard(),
	})
	require.NoError(s.t, err)
	s.running = b
	s.address = strings.TrimPrefix(b.ClientURL(), "nats://")
}

// Stop ends the broker; its store stays.
func (s *Server) Stop() {
	s.t.Helper()
	require.NotNil(s.t, s.running, "the broker is not running")
	require.NoError(s.t, s.running.Stop())
	s.running = nil
}

// Restart stops and starts the broker.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// Wipe restarts the broker on an empty store.
func (s *Server) Wipe() {
	s.t.Helper()
	s.Stop()
	s.clear()
	s.Start()
}

// Copy is a store as it once was.
type Copy struct{ dir string }

// Save stops the broker, copies its store and starts it again.
func (s *Server) Save() Copy {
	s.t.Helper()
	s.Stop()
	saved := Copy{dir: s.t.TempDir()}
	require.NoError(s.t, os.CopyFS(saved.dir, os.DirFS(s.dir)))
	s.Start()
	return saved
}

// Restore restarts the broker on an older copy of its store.
func (s *Server) Restore(older Copy) {
	s.t.Helper()
	s.Stop()
	s.clear()
	require.NoError(s.t, os.CopyFS(s.dir, os.DirFS(older.dir)))
	s.Start()
}

func (s *Server) clear() {
	s.t.Helper()
	entries, err := os.ReadDir(s.dir)
	require.NoError(s.t, err)
	for _, entry := range entries {
		require.NoError(s.t, os.RemoveAll(filepath.Join(s.dir, entry.Name())))
	}
}

// Config connects to the broker. Change what the test is about.
func (s *Server) Config() queue.Config {
	return queue.Config{URL: s.URL(), Name: s.t.Name(), Log: Discard(), Limits: queue.Limits{
		JobsBytes: 64 << 20, ResultsBytes: 16 << 20, EventsBytes: 16 << 20, DeadBytes: 4 << 20,
	}}
}

// Queue connects and makes the streams. The connection ends with the test.
func (s *Server) Queue() *queue.Queue {
	s.t.Helper()
	q := s.Connect(s.Config())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := q.EnsureStreams(ctx)
	require.NoError(s.t, err)
	return q
}

// Connect connects with a configuration of the test's own and waits for the
// broker. The connection ends with the test.
func (s *Server) Connect(cfg queue.Config) *queue.Queue {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	q, err := queue.Connect(ctx, cfg)
	require.NoError(s.t, err)
	s.t.Cleanup(q.Close)
	require.NoError(s.t, q.Await(ctx))
	return q
}

// Discard is a log that says nothing.
func Discard() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

// FreeAddress is a loopback address that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().String()
}
