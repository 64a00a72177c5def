package aggregator

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// remindEvery is how often a failure that goes on is logged again.
const remindEvery = 30 * time.Second

// sweep repeats what a lost result or a lost announcement has left undone, once
// a second. A sweep that fails is tried again a second later.
func (a *Aggregator) sweep(take, work context.Context) {
	ticker := time.NewTicker(a.cfg.Sweep)
	defer ticker.Stop()
	var last string
	var logged time.Time
	for {
		err := daemon.Guard(func() error { return a.sweepOnce(work) })
		a.metrics.sweptOnce(err)
		switch {
		case err == nil && last != "":
			a.log.Info("the sweep works again")
			last = ""
		case err != nil && work.Err() == nil && (err.Error() != last || time.Since(logged) > remindEvery):
			a.log.WithError(err).Warn("the sweep failed; it is tried again")
			last, logged = err.Error(), time.Now()
		}
		select {
		case <-take.Done():
			return
		case <-ticker.C:
		}
	}
}

// sweepOnce runs each part whatever became of the others.
func (a *Aggregator) sweepOnce(ctx context.Context) error {
	return errors.Join(a.sweepUnfolded(ctx), a.sweepRuns(ctx), a.sweepJobs(ctx))
}

const (
	// unfoldedRest is how many times as long as it took to look for unfolded runs nobody
	// looks again: each run that is open is looked at, and a long queue has very many.
	unfoldedRest = 200
	// unfoldedRarely is the longest rest, unless even that would be a fiftieth of the
	// time. A result is lost with the process that had it in hand, which is rare; but its
	// run is not to hang for long.
	unfoldedRarely = 10 * time.Second
	unfoldedLeast  = 50
)

// unfoldedPause is the rest after a look that took so long.
func unfoldedPause(took time.Duration) time.Duration {
	return min(unfoldedRest*took, max(unfoldedRarely, unfoldedLeast*took))
}

// sweepUnfolded folds runs whose results were lost. A result has as long as a sweep's
// pause to get here by itself.
func (a *Aggregator) sweepUnfolded(ctx context.Context) error {
	began := time.Now()
	if began.Before(a.unfoldedFrom) {
		return nil
	}
	runs, err := a.ledger.Unfolded(ctx, a.cfg.Sweep, a.cfg.Batch)
	if err != nil {
		return err
	}
	a.metrics.sweep("unfolded", len(runs))
	if len(runs) < a.cfg.Batch { // else there are more
		a.unfoldedFrom = time.Now().Add(unfoldedPause(time.Since(began)))
	}
	var failures []error
	for group := range slices.Chunk(runs, foldedMost) {
		failures = append(failures, a.foldSwept(ctx, group))
	}
	return errors.Join(failures...)
}

// foldSwept folds and announces runs without a result.
func (a *Aggregator) foldSwept(ctx context.Context, runs []string) error {
	group := make([]*handling, len(runs))
	for i, id := range runs {
		h := &handling{result: queue.ResultMessage{RunID: id}}
		h.ctx, h.span = a.startSpan(a.trace.Run(ctx, id), id)
		group[i] = h
	}
	a.foldAll(group)
	a.announceEnded(group)
	failures := make([]error, len(group))
	for i, h := range group {
		failures[i] = h.err
		h.span.End()
	}
	return errors.Join(failures...)
}

func (a *Aggregator) sweepRuns(ctx context.Context) error {
	ids, err := a.ledger.UnannouncedRuns(ctx, a.cfg.AnnounceAfter, a.cfg.Batch)
	if err != nil {
		return err
	}
	a.metrics.sweep("runs", len(ids))
	var failures []error
	var ended []endedRun
	for _, id := range ids {
		run, err := a.ledger.Run(ctx, id)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		ended = append(ended, endedRun{ctx, run})
	}
	return errors.Join(append(failures, a.announceRuns(ctx, ended))...)
}

func (a *Aggregator) sweepJobs(ctx context.Context) error {
	news, err := a.ledger.UnannouncedJobs(ctx, a.cfg.AnnounceAfter, a.cfg.Batch)
	if err != nil {
		return err
	}
	a.metrics.sweep("jobs", len(news))
	return a.announceJobs(ctx, news, nil)
}
