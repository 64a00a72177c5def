package pgserver

import (
	"bytes"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
)

const (
	keptLines   = 20
	maxLineSize = 8 << 10
)

// output splits what a program prints into lines, hands them to the log and
// keeps the last ones for the message of a failed start.
type output struct {
	mu      sync.Mutex
	log     *logrus.Entry
	partial []byte
	last    []string
}

// Write never fails, so that a full disk under the log cannot stop Postgres.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = append(o.partial, p...)
	for {
		line, rest, found := bytes.Cut(o.partial, []byte("\n"))
		if !found && len(o.partial) <= maxLineSize {
			return len(p), nil
		}
		o.line(string(line))
		o.partial = append([]byte(nil), rest...)
	}
}

func (o *output) line(line string) {
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return
	}
	if len(o.last) == keptLines {
		o.last = o.last[1:]
	}
	o.last = append(o.last, line)
	o.log.Log(levelOf(line), line)
}

// tail returns the last lines, the unfinished one included.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.last
	if len(o.partial) > 0 {
		lines = append(lines[:len(lines):len(lines)], string(o.partial))
	}
	return strings.Join(lines, "\n")
}

// levelOf maps Postgres' own levels; log_line_prefix puts them first.
func levelOf(line string) logrus.Level {
	for _, known := range []struct {
		word  string
		level logrus.Level
	}{
		{"PANIC:", logrus.ErrorLevel},
		{"FATAL:", logrus.WarnLevel},
		{"ERROR:", logrus.WarnLevel},
		{"WARNING:", logrus.WarnLevel},
	} {
		if strings.Contains(line, known.word) {
			return known.level
		}
	}
	return logrus.DebugLevel
}
