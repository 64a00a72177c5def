package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// benchProgress shows what is being measured: a bar on a terminal, elsewhere a line
// for each new thing, and nothing for who asked for JSON.
type benchProgress struct {
	mu    sync.Mutex
	out   io.Writer
	bar   *progressbar.ProgressBar
	lines bool
	last  string
}

func (p *program) benchProgress(asJSON bool) *benchProgress {
	g := &benchProgress{out: p.stderr, lines: !asJSON}
	if isTerminal(p.stderr) {
		g.lines = false
		g.bar = progressbar.NewOptions(-1,
			progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetWidth(20), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	return g
}

// show may be called by several at once. A total of 0 is not known.
func (g *benchProgress) show(what string, done, total int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bar != nil {
		g.bar.ChangeMax(max(total, 1))
		g.bar.Describe(what)
		_ = g.bar.Set(min(max(done, 0), max(total, 1))) // a terminal that is gone stops nothing
		return
	}
	if g.lines && what != g.last {
		g.last = what
		fmt.Fprintln(g.out, what)
	}
}

// end leaves the line to what comes next.
func (g *benchProgress) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bar != nil {
		_ = g.bar.Finish()
		_ = g.bar.Clear()
	}
}
