package queue_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// gate stands between a client and the broker. While it is shut, what the
// broker sends is on its way and does not arrive; what the client sends passes.
type gate struct {
	listener net.Listener
	mu       sync.Mutex
	open     chan struct{}
	conns    []net.Conn
}

func newGate(t *testing.T, server *queuetest.Server) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{listener: listener, open: make(chan struct{})}
	close(g.open)
	upstream := server.URL()[len("nats://"):]
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			broker, err := net.Dial("tcp", upstream) // it ends with the gate
			if err != nil {
				_ = client.Close()
				continue
			}
			g.pass(client, broker)
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); g.lift(); g.cut() })
	return g
}

func (g *gate) url() string { return "nats://" + g.listener.Addr().String() }

func (g *gate) pass(client, broker net.Conn) {
	g.mu.Lock()
	g.conns = append(g.conns, client, broker)
	g.mu.Unlock()
	go func() { _, _ = io.Copy(broker, client); _ = broker.Close() }()
	go func() {
		defer func() { _ = client.Close() }()
		buffer := make([]byte, 32<<10)
		for {
			n, err := broker.Read(buffer)
			<-g.opened()
			if _, werr := client.Write(buffer[:n]); err != nil || werr != nil {
				return
			}
		}
	}()
}

func (g *gate) opened() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

// lift lets through what was held back.
func (g *gate) lift() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

// cut ends every connection.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		_ = c.Close()
	}
}
