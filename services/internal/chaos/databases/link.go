package databases

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Link is the way to a server: a proxy that understands Postgres's protocol so
// far as to know statements and their answers. It offers no TLS.
type Link struct {
	listener *net.TCPListener
	open     sync.WaitGroup

	// Toxics are changed under a lock of their own: that waits for data to pass.
	wayMu sync.Mutex
	way   *way

	mu            sync.Mutex
	traps         []*Trap
	conversations map[*conversation]bool
	keys          map[uint32]*conversation // whose cancel request it would be
	accepted      int
	closed        bool
}

// NewLink listens on a port of its own and leads to an address.
func NewLink(to string) (*Link, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return nil, fmt.Errorf("a link to %s: %w", to, err)
	}
	w, err := newWay(to)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	l := &Link{
		listener: listener.(*net.TCPListener), way: w,
		conversations: make(map[*conversation]bool), keys: make(map[uint32]*conversation),
	}
	l.open.Go(l.accept)
	return l, nil
}

// Address is host and port of the near end.
func (l *Link) Address() string { return l.listener.Addr().String() }

// URL is that of a database with the near end in place of its server.
func (l *Link) URL(database string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", fmt.Errorf("a link's URL: %w", err)
	}
	u.Host = l.Address()
	return u.String(), nil
}

// Point moves the far end to another server, as a virtual address moves in a
// fail-over: open connections are reset. What slows the link goes on.
func (l *Link) Point(to string) error {
	l.wayMu.Lock()
	defer l.wayMu.Unlock()
	next, err := newWay(to)
	if err != nil {
		return err
	}
	if err := next.slowLike(l.way); err != nil {
		next.close()
		return err
	}
	l.mu.Lock()
	for c := range l.conversations {
		c.reset()
	}
	l.mu.Unlock()
	l.way.close()
	l.way = next
	return nil
}

// Accepted is how many connections clients have opened so far.
func (l *Link) Accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted
}

// Open is how many connections there are now.
func (l *Link) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conversations)
}

// Close ends all connections and the link.
func (l *Link) Close() error {
	err := l.listener.Close()
	l.mu.Lock()
	l.closed = true
	for c := range l.conversations {
		c.end()
	}
	l.mu.Unlock()
	l.wayMu.Lock()
	l.way.close()
	l.wayMu.Unlock()
	l.open.Wait()
	return err
}

func (l *Link) accept() {
	for {
		client, err := l.listener.AcceptTCP()
		if err != nil {
			return
		}
		c := &conversation{link: l, client: client, done: make(chan struct{})}
		if !l.admit(c) {
			c.end()
			return
		}
		l.open.Go(c.run)
	}
}

func (l *Link) admit(c *conversation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.accepted++
	l.conversations[c] = true
	return true
}

func (l *Link) forget(c *conversation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conversations, c)
	delete(l.keys, c.key)
}

func (l *Link) remember(key *pgproto3.BackendKeyData, c *conversation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.key = key.ProcessID
	l.keys[c.key] = c
}

// farEnd is where the next connection goes.
func (l *Link) farEnd() string {
	l.wayMu.Lock()
	defer l.wayMu.Unlock()
	return l.way.proxy.Listen
}
