package databases

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Codes of what a connection may begin with (protocol.html, "Message Formats").
const (
	cancelRequest = 80877102
	sslRequest    = 80877103
	gssRequest    = 80877104

	longestGreeting = 10000 // what Postgres itself takes
)

// greet leads a client to the server, and reports whether there is a
// conversation to follow.
func (c *conversation) greet(in *bufio.Reader) bool {
	for {
		first, err := readGreeting(in)
		if err != nil {
			return false
		}
		switch binary.BigEndian.Uint32(first[4:]) {
		case sslRequest, gssRequest:
			if _, err := c.client.Write([]byte{'N'}); err != nil {
				return false
			}
		case cancelRequest:
			c.passCancel(first)
			return false
		default:
			return c.begin(first)
		}
	}
}

func readGreeting(in *bufio.Reader) ([]byte, error) {
	size, err := in.Peek(4)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size)
	if n < 8 || n > longestGreeting {
		return nil, io.ErrUnexpectedEOF
	}
	greeting := make([]byte, n)
	_, err = io.ReadFull(in, greeting)
	return greeting, err
}

// passCancel brings a request to cancel to the server, if the connection that it
// is about would let it pass.
func (c *conversation) passCancel(request []byte) {
	var cancel pgproto3.CancelRequest
	if err := cancel.Decode(request[4:]); err != nil {
		return
	}
	c.link.mu.Lock()
	if about := c.link.keys[cancel.ProcessID]; about != nil {
		c.application = about.application
	}
	c.link.mu.Unlock()
	if c.link.forConnection(c, cut) != nil || !c.pass() || !c.dial() {
		return
	}
	if _, err := c.server.Write(request); err == nil {
		_, _ = io.Copy(io.Discard, c.server) // the server closes when it has done it
	}
}

func (c *conversation) begin(startup []byte) bool {
	var hello pgproto3.StartupMessage
	if err := hello.Decode(startup[4:]); err != nil {
		return false
	}
	c.link.mu.Lock()
	c.application, c.talks = hello.Parameters["application_name"], true
	c.link.mu.Unlock()
	c.statements, c.portals = make(map[string]string), make(map[string]string)
	if t := c.link.forConnection(c, cut); t != nil {
		t.meet(c)
		c.reset()
		return false
	}
	if t := c.link.forConnection(c, refuse); t != nil && t.take() {
		t.strike()
		c.refuse(t.code)
		return false
	}
	if !c.pass() || !c.dial() {
		return false
	}
	_, err := c.server.Write(startup)
	return err == nil
}

// dialWithin bounds a connect to another part of this process.
const dialWithin = 10 * time.Second

// dial connects to the server, unless the conversation ends meanwhile.
func (c *conversation) dial() bool {
	ctx, cancel := context.WithTimeout(context.Background(), dialWithin)
	defer cancel()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.link.farEnd())
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = server
	select {
	case <-c.done:
		_ = server.Close() // nobody else will
		return false
	default:
		return true
	}
}

func (c *conversation) refuse(code string) {
	refusal, err := (&pgproto3.ErrorResponse{
		Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: injected,
	}).Encode(nil)
	if err == nil {
		_, _ = c.client.Write(refusal) // one that has gone is refused too
	}
}
