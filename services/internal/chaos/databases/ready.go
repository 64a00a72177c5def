package databases

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// pollEvery is the pause between two looks at what sends no signal.
const pollEvery = 10 * time.Millisecond

const (
	pidLine    = 0 // of postmaster.pid
	statusLine = 7
)

// awaitReady reads what the postmaster writes about itself, as pg_ctl does: a
// connection would need a slot, which others may have taken before.
func (s *Server) awaitReady(ctx context.Context) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		ended := s.proc.Ended() // before the look: what is read then is of this life
		if s.ready() {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("database %s ended while starting; its last lines:\n%s", s.cfg.Name, s.lastLines())
		case <-ctx.Done():
			return fmt.Errorf("waiting for database %s: %w; its last lines:\n%s",
				s.cfg.Name, context.Cause(ctx), s.lastLines())
		case <-ticker.C:
		}
	}
}

func (s *Server) ready() bool {
	content, err := os.ReadFile(filepath.Join(s.cfg.Dir, "postmaster.pid"))
	if err != nil {
		return false // it is not there yet
	}
	lines := strings.Split(string(content), "\n")
	return len(lines) > statusLine && lines[pidLine] == strconv.Itoa(s.proc.PID()) &&
		strings.TrimSpace(lines[statusLine]) == "ready"
}

// keptBytes of a log say why a start failed.
const keptBytes = 2 << 10

func (s *Server) lastLines() string {
	content, err := os.ReadFile(s.proc.Log())
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-keptBytes):])
}
