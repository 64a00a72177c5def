package postgres_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between pgx and Postgres and can lose one side of a
// conversation at a chosen moment.
type proxy struct {
	listener net.Listener
	target   string

	mu       sync.Mutex
	conns    []net.Conn
	deaf     map[net.Conn]bool
	trigger  []byte        // what the client must say
	forward  bool          // whether the server still hears it
	answered chan struct{} // closed when the server's answer was swallowed
	frozen   bool          // nothing passes, and nobody is told
	thaw     chan struct{}
}

func newProxy(t *testing.T, databaseURL string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l, target: u.Host, thaw: make(chan struct{}), deaf: make(map[net.Conn]bool)}
	t.Cleanup(p.close)
	go p.accept()
	u.Host = l.Addr().String()
	return p, u.String()
}

// cutAt ends the connection on which the client says the words: after the
// server has answered them (forward), or before it hears them.
func (p *proxy) cutAt(words string, forward bool) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trigger, p.forward, p.answered = []byte(words), forward, make(chan struct{})
	return p.answered
}

// freeze keeps every connection, also later ones, open and silent.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = true
}

// freezeOpen does so with those that are open now.
func (p *proxy) freezeOpen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		p.deaf[c] = true
	}
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.thaw)
	for _, c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		go p.toServer(client, server)
		go p.toClient(server, client)
	}
}

func (p *proxy) toServer(client, server net.Conn) {
	defer server.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		p.waitIfFrozen(client)
		p.mu.Lock()
		cut := p.trigger != nil && bytes.Contains(buf[:n], p.trigger)
		forward := p.forward
		p.mu.Unlock()
		if cut && !forward {
			_ = client.Close()
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// toClient swallows the answer that contains CommandComplete of the trigger.
func (p *proxy) toClient(server, client net.Conn) {
	defer client.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		p.waitIfFrozen(server)
		p.mu.Lock()
		swallow := p.trigger != nil && p.forward && bytes.Contains(buf[:n], bytes.ToUpper(p.trigger))
		if swallow {
			p.trigger = nil
			close(p.answered)
		}
		p.mu.Unlock()
		if swallow {
			return
		}
		if _, err := io.Copy(client, bytes.NewReader(buf[:n])); err != nil {
			return
		}
	}
}

func (p *proxy) waitIfFrozen(from net.Conn) {
	p.mu.Lock()
	frozen := p.frozen || p.deaf[from]
	p.mu.Unlock()
	if frozen {
		<-p.thaw
	}
}
