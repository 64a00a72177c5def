package up

import (
	"bytes"
	"strings"
	"sync"

	"github.com/alphapulse/alphapulse/services/alphapulse/child"
)

// maxTail is how much of a worker's last words is kept.
const maxTail = 8 << 10

// worker is one running worker process.
type worker struct {
	*child.Process
	tail *tail
}

// reason is how the worker ended, with the last line it printed.
func (w *worker) reason() string {
	how := "ended without an error"
	if w.Err() != nil {
		how = w.Err().Error()
	}
	if line := w.tail.lastLine(); line != "" {
		how += ": " + line
	}
	return how
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - maxTail; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// lastLine leaves out a stack: the first line of a panic says what happened.
func (t *tail) lastLine() string {
	lines := strings.Split(t.String(), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
	}
	return lines[len(lines)-1]
}
