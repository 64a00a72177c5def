package databases

import (
	"errors"
	"regexp"

	"github.com/jackc/pgx/v5/pgproto3"
)

// injected is the message of every error that a link causes.
const injected = "a fault was injected"

// hear takes note of a message of the client's, lets a trap strike that is for
// it, and returns what the server gets in its place.
func (c *conversation) hear(m message) (said []byte, goOn bool) {
	switch m.kind() {
	case 'Q':
		var query pgproto3.Query
		if query.Decode(m.body()) != nil {
			return m, true
		}
		return c.execute(m, query.String, true)
	case 'E':
		var execute pgproto3.Execute
		if execute.Decode(m.body()) != nil {
			return m, true
		}
		return c.execute(m, c.portals[execute.Portal], false)
	case 'P':
		var parse pgproto3.Parse
		if parse.Decode(m.body()) == nil {
			c.statements[parse.Name] = parse.Query
		}
		c.expect(parseComplete)
	case 'B':
		var bind pgproto3.Bind
		if bind.Decode(m.body()) == nil {
			c.portals[bind.DestinationPortal] = c.statements[bind.PreparedStatement]
		}
		c.expect(bindComplete)
	case 'C':
		c.expect(closeComplete)
	case 'S', 'F':
		c.expect(readyForQuery)
	}
	return m, true
}

func (c *conversation) expect(kinds ...byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flow.expect(false, kinds...)
}

// execute sends a statement on its way. simple: it is a whole cycle of the
// simple protocol; else it is one message of an extended one.
func (c *conversation) execute(m message, sql string, simple bool) (said []byte, goOn bool) {
	ends := byte(commandComplete)
	if simple {
		ends = readyForQuery
	}
	c.mu.Lock()
	status := c.flow.status
	c.mu.Unlock()
	t := c.link.forStatement(c, sql, status == 'E')
	if t == nil {
		c.expect(ends)
		return m, true
	}
	switch t.kind {
	case cutBefore:
		t.strike()
		c.reset()
		return nil, false
	case hold:
		t.strike()
		select {
		case <-t.over:
		case <-c.done:
			return nil, false
		}
	case answer:
		said, err := c.fail(t.code, status == 'T' && isCommit(sql), simple)
		if err != nil {
			return nil, false
		}
		t.strike()
		return said, true
	case cutAfter:
		c.withhold(t, isCommit(sql))
	}
	c.expect(ends)
	return m, true
}

func isCommit(sql string) bool { return regexp.MustCompile(commitPattern).MatchString(sql) }

// fail is what the server gets in place of a statement that is to fail: one that
// raises the error, after a ROLLBACK where a COMMIT fails, since that ends its
// transaction.
func (c *conversation) fail(code string, rollback, simple bool) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	statements := []string{"DO $fault$BEGIN RAISE EXCEPTION '" + injected + "' USING ERRCODE = '" + code + "'; END$fault$"}
	if rollback {
		statements = append([]string{"ROLLBACK"}, statements...)
	}
	var said []byte
	var errs []error
	add := func(m pgproto3.FrontendMessage) {
		var err error
		said, err = m.Encode(said)
		errs = append(errs, err)
	}
	for _, sql := range statements {
		add(&pgproto3.Parse{Query: sql})
		add(&pgproto3.Bind{})
		add(&pgproto3.Execute{})
		c.flow.expect(true, parseComplete, bindComplete, commandComplete)
	}
	if simple {
		add(&pgproto3.Sync{})
		c.flow.expect(false, readyForQuery)
	}
	return said, errors.Join(errs...)
}
