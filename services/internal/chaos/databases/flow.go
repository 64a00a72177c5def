package databases

// Types of the server's messages that end something.
const (
	parseComplete   = '1'
	bindComplete    = '2'
	closeComplete   = '3'
	commandComplete = 'C'
	emptyQuery      = 'I'
	portalSuspended = 's'
	errorResponse   = 'E'
	readyForQuery   = 'Z'
	backendKeyData  = 'K'
)

// flow knows what the server has yet to answer on a connection, in order. Ours
// are answers to what the link itself has asked, which the client must not see.
type flow struct {
	due    []due
	status byte // of the transaction, when the server was ready last: I, T or E
}

type due struct {
	kind byte
	ours bool
}

func (f *flow) expect(ours bool, kinds ...byte) {
	for _, kind := range kinds {
		f.due = append(f.due, due{kind, ours})
	}
}

// cycles is how often the server has yet to become ready.
func (f *flow) cycles() int {
	n := 0
	for _, d := range f.due {
		if d.kind == readyForQuery {
			n++
		}
	}
	return n
}

// answered takes note of a message of the server's, and reports whether it
// answers something of ours.
func (f *flow) answered(m message) (ours bool) {
	switch kind := m.kind(); kind {
	case parseComplete, bindComplete, closeComplete:
		return f.pop(kind)
	case commandComplete, emptyQuery, portalSuspended:
		return f.pop(commandComplete)
	case readyForQuery: // after an error the rest of the cycle was skipped
		f.skipTo(readyForQuery)
		f.pop(readyForQuery)
		f.status = m.body()[0]
	}
	return false
}

// pop takes the first off if it is of that kind. A simple query may have several
// results and is due only once.
func (f *flow) pop(kind byte) (ours bool) {
	if len(f.due) == 0 || f.due[0].kind != kind {
		return false
	}
	ours = f.due[0].ours
	f.due = f.due[1:]
	return ours
}

func (f *flow) skipTo(kind byte) {
	for len(f.due) > 0 && f.due[0].kind != kind {
		f.due = f.due[1:]
	}
}
