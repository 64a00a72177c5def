package worker

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// yieldLate is how long a live job waits in line until lane backfill makes room.
	yieldLate = 400 * time.Millisecond
	// yieldOnTime is how long none must wait for lane backfill to take it back.
	yieldOnTime = 200 * time.Millisecond
	// yieldParts are all of the slots: one part is taken back in each look. A worker
	// begins with yieldStart of them, because what it will do to live jobs is not known.
	yieldParts = 20
	yieldStart = 5
)

// yield is how much of its slots lane backfill uses. A job of it takes the
// processor, the database and the disk from live jobs, whoever works on those and
// however their request limits are. So while live jobs wait in line it gives up half
// of its slots at each look, down to one of each queue, and takes them back bit by
// bit when none waits.
type yield struct {
	parts int  // of yieldParts, that are in use
	gave  bool // it has made room, and has not all of its slots again
	log   *logrus.Entry
}

func newYield(log *logrus.Entry) *yield { return &yield{parts: yieldStart, log: log} }

// see takes note of how long the oldest live job has been in line.
func (y *yield) see(waits time.Duration) {
	switch {
	case waits > yieldLate:
		y.parts = max(y.parts/2, 1)
		if !y.gave {
			y.gave = true
			y.log.WithField("oldest", waits.String()).Info("live jobs wait; lane backfill makes room for them")
		}
	case waits < yieldOnTime:
		y.parts = min(y.parts+1, yieldParts)
		if y.gave && y.parts == yieldParts {
			y.gave = false
			y.log.Info("no live job waits; lane backfill has all of its slots again")
		}
	}
}

// slots is how many of n slots of a queue of lane backfill are used now.
func (y *yield) slots(n int) int { return min(n, max(1, n*y.parts/yieldParts)) }

// yieldToLive looks how long live jobs wait that some worker serves, in the markets of
// which this one serves lane backfill. Without an answer everything stays as it is.
func (w *Worker) yieldToLive(ctx context.Context, served map[string]*served) {
	lines := liveLines(served)
	if len(lines) == 0 {
		return
	}
	waits, err := w.claims.OldestInLine(ctx, lines)
	if err != nil {
		if ctx.Err() == nil {
			w.deps.Log.WithError(err).Warn("how long live jobs wait could not be read")
		}
		return
	}
	w.yield.see(waits)
}

// liveLines are the live queues of every market of which lane backfill is served.
func liveLines(served map[string]*served) []ledger.Line {
	var lines []ledger.Line
	seen := map[queue.Consumer]bool{}
	for _, s := range served {
		line := queue.Consumer{Exchange: s.consumer.Exchange, Environment: s.consumer.Environment, Lane: syncjob.Live}
		if s.consumer.Lane != syncjob.Backfill || seen[line] {
			continue
		}
		seen[line] = true
		for _, line.DataType = range syncjob.Requestable() {
			lines = append(lines, ledger.Line{Consumer: line.Name(), DataType: line.DataType})
		}
	}
	return lines
}
