package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// replayProgress shows how far a replay is: a bar on a terminal, elsewhere a line
// for each tenth, and nothing for who asked for JSON.
type replayProgress struct {
	out   io.Writer
	bar   *progressbar.ProgressBar
	lines bool
	last  string
}

func (p *program) replayProgress(asJSON bool) *replayProgress {
	g := &replayProgress{out: p.stderr, lines: !asJSON}
	if isTerminal(p.stderr) {
		g.lines = false
		g.bar = progressbar.NewOptions(-1,
			progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetWidth(20), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	return g
}

// doneOfReplay counts the jobs that a replay is done with, and all that it found.
func doneOfReplay(res *controlv1.GetReplayResponse) (done, all int64) {
	r, p := res.GetReplay(), res.GetProgress()
	all = r.GetJobsFromStream() + r.GetJobsFromTables()
	ended := p.GetSucceeded() + p.GetPartial() + p.GetFailed() + p.GetDead() + p.GetSkipped() + p.GetCancelled()
	return min(min(ended, r.GetJobsReplayed())+r.GetJobsSkipped()+r.GetJobsRefused(), all), all
}

// show takes a look.
func (g *replayProgress) show(res *controlv1.GetReplayResponse) {
	done, all := doneOfReplay(res)
	p := res.GetProgress()
	text := fmt.Sprintf("%s, %s in hand, %s changed", res.GetReplay().GetStatus(), number(int(p.GetOpen()), "new job"),
		number(int(p.GetRowsChanged()), "row"))
	if bad := p.GetFailed() + p.GetDead() + p.GetPartial(); bad > 0 {
		text += fmt.Sprintf(", %d not well", bad)
	}
	if g.bar != nil {
		g.bar.ChangeMax(max(int(all), 1))
		g.bar.Describe(text)
		_ = g.bar.Set(int(done)) // a terminal that is gone stops nothing
		return
	}
	tenth := fmt.Sprint(res.GetReplay().GetStatus(), done*10/max(all, 1))
	if g.lines && tenth != g.last {
		g.last = tenth
		fmt.Fprintf(g.out, "%s of %s: %s\n", count(done), number(int(all), "job"), strings.TrimSpace(text))
	}
}

// end leaves the line to what comes next.
func (g *replayProgress) end() {
	if g.bar != nil {
		_ = g.bar.Finish()
		_ = g.bar.Clear()
	}
}
