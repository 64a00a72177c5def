package up

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// slowStep is when a start-up step that is not done says what it waits for.
const slowStep = 2 * time.Second

// terminal is where a person reads. Lines of several goroutines do not mix.
type terminal struct {
	mu  sync.Mutex
	out io.Writer
}

// line prints one line as it is.
func (t *terminal) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format+"\n", args...)
}

// step prints what became of one part.
func (t *terminal) step(part, format string, args ...any) {
	t.line("  %-12s %s", part, fmt.Sprintf(format, args...))
}

// waiting prints what is waited for, if done is not called soon.
func (t *terminal) waiting(part, format string, args ...any) (done func()) {
	timer := time.AfterFunc(slowStep, func() { t.step(part, format, args...) })
	return func() { timer.Stop() }
}
