package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/alphapulse/exchanges"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// lineEvery is the pause between two lines where there is no terminal, unless a
// tenth of the windows is done before.
const lineEvery = 10 * time.Second

// historyProgress shows how far a run of many windows is: a bar on a terminal,
// elsewhere a line now and then, and nothing for who asked for JSON.
type historyProgress struct {
	out      io.Writer
	bar      *progressbar.ProgressBar
	lines    bool
	exchange string
	pace     pace

	lastLine  time.Time
	lastTenth int32
}

func (p *program) historyProgress(asJSON bool, exchange string) *historyProgress {
	g := &historyProgress{out: p.stderr, exchange: exchange, lines: !asJSON, lastTenth: -1}
	if isTerminal(p.stderr) {
		g.lines = false
		g.bar = progressbar.NewOptions(-1,
			progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetWidth(20), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	return g
}

// show takes a snapshot.
func (g *historyProgress) show(run *controlv1.Run) { g.showAt(run, time.Now()) }

func (g *historyProgress) showAt(run *controlv1.Run, now time.Time) {
	at := sampleOf(run, now)
	g.pace.add(at)
	text := g.describe(run, at)
	if g.bar != nil {
		g.bar.ChangeMax(max(int(at.jobs), 1))
		g.bar.Describe(text)
		_ = g.bar.Set(int(at.done)) // a terminal that is gone stops nothing
		return
	}
	tenth := at.done * 10 / max(at.jobs, 1)
	if g.lines && (tenth != g.lastTenth || now.Sub(g.lastLine) >= lineEvery) {
		g.lastLine, g.lastTenth = now, tenth
		fmt.Fprintf(g.out, "%s of %s: %s\n", count(int64(at.done)), number(int(at.jobs), "window"), plain(text))
	}
}

// end leaves the line to what comes next.
func (g *historyProgress) end() {
	if g.bar != nil {
		_ = g.bar.Finish()
		_ = g.bar.Clear()
	}
}

// describe says what is read, how fast, and how long it will take.
func (g *historyProgress) describe(run *controlv1.Run, at sample) string {
	rows, requests, left := g.pace.rates()
	parts := []string{
		openTypes(run), count(at.rows) + " rows", fmt.Sprintf("%s rows/s", count(int64(math.Round(rows)))),
		fmt.Sprintf("%.1f requests/s", requests),
	}
	if allowed := allowedRequests(run, g.exchange); allowed > 0 {
		parts[len(parts)-1] += fmt.Sprintf(" (%.0f %% of the limit)", requests/allowed*100)
	}
	if left > 0 {
		parts = append(parts, span(left)+" left")
	}
	return strings.TrimPrefix(strings.Join(parts, ", "), ", ")
}

// openTypes names the data types that are not done.
func openTypes(run *controlv1.Run) string {
	var open []string
	for _, t := range run.GetTotals() {
		if openJobs(t) > 0 {
			open = append(open, t.GetDataType())
		}
	}
	return strings.Join(open, "+")
}

// allowedRequests is what the exchange allows for the data types that are open:
// each has a limit of its own, and the address has one for all of them.
func allowedRequests(run *controlv1.Run, exchange string) float64 {
	var sum float64
	for _, t := range run.GetTotals() {
		if limit, ok := exchanges.HistoryLimit(exchange, syncjob.DataType(t.GetDataType())); ok && openJobs(t) > 0 {
			sum += limit.Requests
		}
	}
	if address := exchanges.AddressRequests(exchange); address > 0 {
		return min(sum, address)
	}
	return sum
}
