package databases

import (
	"bytes"

	"github.com/jackc/pgx/v5/pgproto3"
)

// withheld is what the server has answered since a statement whose answer is to
// be lost. It is decided on when the server is ready again: only then is the
// statement certainly stored, in the extended protocol too.
type withheld struct {
	trap    *Trap
	commit  bool // the statement is one
	earlier int  // cycles that were still open before it
	said    []byte
	failed  bool
	rolled  bool // answered with ROLLBACK
}

func (c *conversation) withhold(t *Trap, commit bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.withheld != nil { // an answer is waited for already
		t.giveBack()
		return
	}
	c.withheld = &withheld{trap: t, commit: commit, earlier: c.flow.cycles()}
}

// tell takes note of a message of the server's and returns what the client gets
// in its place. Not to go on is to lose the connection.
func (c *conversation) tell(m message) (said []byte, goOn bool) {
	if m.kind() == backendKeyData {
		var key pgproto3.BackendKeyData
		if key.Decode(m.body()) == nil {
			c.link.remember(&key, c)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ours := c.flow.answered(m); ours {
		return nil, true
	}
	w := c.withheld
	if w == nil {
		return m, true
	}
	if w.earlier > 0 {
		if m.kind() == readyForQuery {
			w.earlier--
		}
		return m, true
	}
	if !w.add(m) {
		return nil, true
	}
	c.withheld = nil
	if w.failed || w.commit && w.rolled {
		w.trap.giveBack()
		return w.said, true
	}
	w.trap.strike()
	return nil, false
}

// add keeps a message, and reports whether it was the last.
func (w *withheld) add(m message) (last bool) {
	w.said = append(w.said, m...)
	switch m.kind() {
	case errorResponse:
		w.failed = true
	case commandComplete:
		w.rolled = bytes.HasPrefix(m.body(), []byte("ROLLBACK"))
	}
	return m.kind() == readyForQuery
}
