package worker

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// yieldLate is how long a live job waits in line until lane backfill makes room.
	yieldLate = 400 * time.Millisecond
	// yieldOnTime is how long none must wait for lane backfill to take it back.
	yieldOnTime = 200 * time.Millisecond
	// yieldBack is the share of the slots that is taken back in each look.
	yieldBack = 0.05
)

// yield is how much of its slots lane backfill uses. A job of it takes the
// processor, the database and the disk from live jobs, whoever works on those and
// however their request limits are. So while live jobs wait in line it gives up half
// of its slots at each look, down to one of each queue, and takes them back bit by
// bit when none waits.
type yield struct {
	share float64 // of the slots: above 0, at most 1
	log   *logrus.Entry
}

func newYield(log *logrus.Entry) *yield { return &yield{share: 1, log: log} }

// see takes note of how long the oldest live job has been in line.
func (y *yield) see(waits time.Duration) {
	before := y.share
	switch {
	case waits > yieldLate:
		y.share = max(y.share/2, yieldBack)
	case waits < yieldOnTime:
		y.share = min(y.share+yieldBack, 1)
	}
	if before == 1 && y.share < 1 {
		y.log.WithField("oldest", waits.String()).Info("live jobs wait; lane backfill makes room for them")
	}
	if before < 1 && y.share == 1 {
		y.log.Info("no live job waits; lane backfill has all of its slots again")
	}
}

// slots is how many of n slots of a queue of lane backfill are used now.
func (y *yield) slots(n int) int {
	return min(n, max(1, int(float64(n)*y.share)))
}

// yieldToLive looks how long live jobs wait in the markets that are served, if lane
// backfill is. Without an answer everything stays as it is.
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

// liveLines are the live queues of every market of which lane backfill is served,
// whoever serves them.
func liveLines(served map[string]*served) []string {
	var lines []string
	seen := map[queue.Consumer]bool{}
	for _, s := range served {
		line := queue.Consumer{Exchange: s.consumer.Exchange, Environment: s.consumer.Environment, Lane: syncjob.Live}
		if s.consumer.Lane != syncjob.Backfill || seen[line] {
			continue
		}
		seen[line] = true
		for _, line.DataType = range syncjob.Requestable() {
			lines = append(lines, line.Name())
		}
	}
	return lines
}
