package databases

import (
	"fmt"
	"regexp"
)

// unlimited strikes.
const unlimited = -1

// CutBefore resets a connection when its client sends a matching statement,
// which never reaches the server; for the next so many (negative: all).
func (l *Link) CutBefore(m Match, times int) *Trap {
	return l.set(&Trap{kind: cutBefore, match: m}, times)
}

// CutAfter resets a connection when the server has carried out a matching
// statement, instead of letting the client hear of it. One that fails, and a
// COMMIT that the server answers with ROLLBACK, is heard, and does not count.
func (l *Link) CutAfter(m Match, times int) *Trap {
	return l.set(&Trap{kind: cutAfter, match: m}, times)
}

// Hold keeps a matching statement from the server until the trap is lifted: the
// moment to do something to the server while a client waits for this very
// statement.
func (l *Link) Hold(m Match, times int) *Trap {
	return l.set(&Trap{kind: hold, match: m}, times)
}

// Answer lets a matching statement fail with a SQLSTATE. The server itself
// raises the error in the statement's place, so that the transaction is as
// aborted there as the client believes; a COMMIT rolls back. Statements of a
// transaction that is aborted already pass.
func (l *Link) Answer(m Match, times int, code string) (*Trap, error) {
	if err := checkCode(code); err != nil {
		return nil, err
	}
	return l.set(&Trap{kind: answer, match: m, code: code}, times), nil
}

// Refuse answers those who connect with a FATAL error, as a server does that is
// starting (57P03) or has no slot left (53300).
func (l *Link) Refuse(application *regexp.Regexp, times int, code string) (*Trap, error) {
	if err := checkCode(code); err != nil {
		return nil, err
	}
	return l.set(&Trap{kind: refuse, match: Match{Application: application}, code: code}, times), nil
}

func checkCode(code string) error {
	if !regexp.MustCompile(`^[0-9A-Z]{5}$`).MatchString(code) || code[:2] == "00" {
		return fmt.Errorf("%q is not the SQLSTATE of an error", code)
	}
	return nil
}

// Cut resets all matching connections, those that are opened later too, until it
// is lifted.
func (l *Link) Cut(application *regexp.Regexp) *Trap {
	t := l.set(&Trap{kind: cut, match: Match{Application: application}}, unlimited)
	for _, c := range l.talking() {
		if t.holds(c) {
			t.meet(c)
			c.reset()
		}
	}
	return t
}

// Freeze silences all matching connections, those that are opened later too,
// until it is lifted: they stay open, nothing passes, and neither side hears of
// the other's end. Then all goes on. A connection counts as struck when there
// was something that could not pass.
func (l *Link) Freeze(application *regexp.Regexp) *Trap {
	return l.set(&Trap{kind: freeze, match: Match{Application: application}}, unlimited)
}

// FreezeOpen is Freeze of those connections only that are open now: whoever
// connects again is served.
func (l *Link) FreezeOpen(application *regexp.Regexp) *Trap {
	only := make(map[*conversation]bool)
	for _, c := range l.talking() {
		only[c] = true
	}
	return l.set(&Trap{kind: freezeOpen, match: Match{Application: application}, only: only}, unlimited)
}

// talking lists the connections whose application is known.
func (l *Link) talking() []*conversation {
	l.mu.Lock()
	defer l.mu.Unlock()
	var talking []*conversation
	for c := range l.conversations {
		if c.talks {
			talking = append(talking, c)
		}
	}
	return talking
}
