package databases

import (
	"regexp"
	"slices"
	"sync"
)

// Match chooses connections and statements of a Link.
type Match struct {
	// Application is compared with the application_name that a connection
	// began with. Nil: every connection.
	Application *regexp.Regexp
	// Statement is compared with the SQL of a statement as the client sent it,
	// in either protocol. Nil: every statement. Traps for whole connections do
	// not look at it.
	Statement *regexp.Regexp
}

// Commits matches what ends a transaction with COMMIT.
func Commits() *regexp.Regexp { return regexp.MustCompile(commitPattern) }

const commitPattern = `(?i)(^|;)\s*(commit|end)(\s+(work|transaction))?\s*;?\s*$`

func (m Match) application(name string) bool {
	return m.Application == nil || m.Application.MatchString(name)
}

func (m Match) statement(sql string) bool { return m.Statement == nil || m.Statement.MatchString(sql) }

// kind is what a trap does.
type kind int

const (
	cutBefore  kind = iota // the statement is lost with its connection
	cutAfter               // its answer is
	answer                 // it fails
	hold                   // it waits
	refuse                 // the connection is refused
	cut                    // the connection is reset
	freeze                 // the connection falls silent
	freezeOpen             // it does if it is open now
	slow                   // what passes is slowed
)

// Trap is one fault that lies in wait on a Link. It strikes until it is spent or
// lifted.
type Trap struct {
	kind  kind
	match Match
	code  string // for answer and refuse
	lift  func()

	mu     sync.Mutex
	times  int // strikes; negative: without limit
	left   int
	struck int
	met    map[*conversation]bool // those that a trap for connections has struck
	only   map[*conversation]bool // those that freezeOpen is for
	lifted bool
	spent  chan struct{}
	over   chan struct{}
}

// Struck is how often the trap has struck: statements for a trap for statements,
// connections for the others.
func (t *Trap) Struck() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.struck
}

// Spent is closed when the trap has struck as often as it may. One without a
// limit is never spent.
func (t *Trap) Spent() <-chan struct{} { return t.spent }

// Lift takes the trap away and lets go on what waits in it; again does nothing.
func (t *Trap) Lift() {
	t.mu.Lock()
	first := !t.lifted
	t.lifted = true
	t.mu.Unlock()
	if first {
		close(t.over)
		t.lift()
	}
}

// take uses one strike up, if there is one left.
func (t *Trap) take() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lifted || t.left == 0 {
		return false
	}
	t.left--
	return true
}

// giveBack is for a strike that missed.
func (t *Trap) giveBack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left++
}

// strike counts one that was taken.
func (t *Trap) strike() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hit()
}

func (t *Trap) hit() {
	t.struck++
	if t.struck == t.times {
		close(t.spent)
	}
}

// meet counts a connection once.
func (t *Trap) meet(c *conversation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.met[c] {
		t.met[c] = true
		t.hit()
	}
}

// holds is true for a connection that the trap, one for connections, is for.
func (t *Trap) holds(c *conversation) bool {
	return t.match.application(c.application) && (t.only == nil || t.only[c])
}

// set lays a trap.
func (l *Link) set(t *Trap, times int) *Trap {
	t.times, t.left, t.met = times, times, make(map[*conversation]bool)
	t.spent, t.over = make(chan struct{}), make(chan struct{})
	remove := t.lift
	t.lift = func() {
		if remove != nil {
			remove()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.traps = slices.DeleteFunc(l.traps, func(other *Trap) bool { return other == t })
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.traps = append(l.traps, t)
	return t
}

// forStatement takes the first trap for statements that is for this one.
func (l *Link) forStatement(c *conversation, sql string, aborted bool) *Trap {
	for _, t := range l.laid() {
		switch t.kind {
		case cutBefore, cutAfter, hold:
		case answer:
			if aborted { // the server refuses it by itself
				continue
			}
		default:
			continue
		}
		if t.holds(c) && t.match.statement(sql) && t.take() {
			return t
		}
	}
	return nil
}

// forConnection is the first trap of some kinds that is for this connection.
func (l *Link) forConnection(c *conversation, kinds ...kind) *Trap {
	for _, t := range l.laid() {
		if slices.Contains(kinds, t.kind) && t.holds(c) {
			return t
		}
	}
	return nil
}

func (l *Link) laid() []*Trap {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.traps)
}
