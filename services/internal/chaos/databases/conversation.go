package databases

import (
	"bufio"
	"net"
	"sync"
)

// conversation is one client's connection through a link.
type conversation struct {
	link   *Link
	client *net.TCPConn
	done   chan struct{}
	once   sync.Once

	// Guarded by link.mu.
	talks bool
	key   uint32
	// Written before talks.
	application string

	// Of the client's side alone.
	statements map[string]string // SQL by the name of a prepared statement
	portals    map[string]string

	mu       sync.Mutex
	server   net.Conn // nil before the greeting is over
	flow     flow
	withheld *withheld
}

func (c *conversation) run() {
	defer c.link.forget(c)
	defer c.end()
	in := bufio.NewReader(c.client)
	if !c.greet(in) {
		return
	}
	c.link.open.Go(c.toClient)
	c.toServer(in)
}

// end closes both sides.
func (c *conversation) end() {
	c.once.Do(func() {
		close(c.done)
		_ = c.client.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.server != nil {
			_ = c.server.Close()
		}
	})
}

// reset ends the conversation in a way that the client notices at once, whatever
// is under way to it.
func (c *conversation) reset() {
	_ = c.client.SetLinger(0) // on a connection that is closed already
	c.end()
}

// toServer passes on what the client says until either side ends.
func (c *conversation) toServer(in *bufio.Reader) {
	defer c.end()
	out := bufio.NewWriter(c.server)
	for {
		m, err := readMessage(in)
		if !c.pass() || err != nil {
			return
		}
		said, goOn := c.hear(m)
		if _, err := out.Write(said); err != nil || !goOn {
			return
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return
			}
		}
	}
}

// toClient passes on what the server says until either side ends.
func (c *conversation) toClient() {
	defer c.end()
	in, out := bufio.NewReader(c.server), bufio.NewWriter(c.client)
	for {
		m, err := readMessage(in)
		if !c.pass() || err != nil {
			return
		}
		said, goOn := c.tell(m)
		if !goOn {
			_ = out.Flush() // what was answered before is heard, if anybody is there
			c.reset()
			return
		}
		if _, err := out.Write(said); err != nil {
			return
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return
			}
		}
	}
}

// pass waits while the connection is frozen, and reports whether it still is
// one. Its ends are as silent as what is said.
func (c *conversation) pass() bool {
	if t := c.link.forConnection(c, slow); t != nil {
		t.meet(c)
	}
	for {
		t := c.link.forConnection(c, freeze, freezeOpen)
		if t == nil {
			return true
		}
		t.meet(c)
		select {
		case <-t.over:
		case <-c.done:
			return false
		}
	}
}
