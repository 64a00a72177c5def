package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// progress shows how far a run is: a bar on a terminal, elsewhere a line for
// each change of a job, and nothing for who asked for JSON.
type progress struct {
	out   io.Writer
	bar   *progressbar.ProgressBar
	lines bool
	shown map[string]string // by job
}

// progressOf shows the progress of one run on standard error. It ends with end.
func (p *program) progressOf(asJSON bool) *progress {
	g := &progress{out: p.stderr, shown: map[string]string{}}
	switch {
	case isTerminal(p.stderr):
		g.bar = progressbar.NewOptions(-1,
			progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetWidth(16), progressbar.OptionShowCount(),
			progressbar.OptionThrottle(50*time.Millisecond), progressbar.OptionClearOnFinish())
	default:
		g.lines = !asJSON
	}
	return g
}

// show takes a snapshot.
func (g *progress) show(run *controlv1.Run) {
	var open []string
	over := 0
	for _, job := range run.GetJobs() {
		if isOpen(job.GetStatus()) {
			open = append(open, job.GetDataType()+" "+job.GetStatus())
		} else {
			over++
		}
		g.line(job)
	}
	if g.bar == nil {
		return
	}
	g.bar.ChangeMax(max(len(run.GetJobs()), 1))
	g.bar.Describe(strings.Join(open, ", "))
	_ = g.bar.Set(min(over, len(run.GetJobs()))) // a terminal that is gone stops nothing
}

func (g *progress) line(job *controlv1.Job) {
	state := strings.TrimSuffix(job.GetStatus()+" "+jobReason(job), " ")
	if g.shown[job.GetId()] == state {
		return
	}
	g.shown[job.GetId()] = state
	if g.lines {
		fmt.Fprintf(g.out, "%s: %s\n", job.GetDataType(), plain(state))
	}
}

// end leaves the line to what comes next.
func (g *progress) end() {
	if g.bar != nil {
		_ = g.bar.Finish()
		_ = g.bar.Clear()
	}
}

func isOpen(status string) bool {
	return status == "queued" || status == runRunning || status == "waiting"
}
