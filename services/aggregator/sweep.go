package aggregator

import (
	"context"
	"errors"
	"time"

	"github.com/alphapulse/alphapulse/shared/daemon"
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

func (a *Aggregator) sweepUnfolded(ctx context.Context) error {
	runs, err := a.ledger.Unfolded(ctx, a.cfg.Batch)
	if err != nil {
		return err
	}
	a.metrics.sweep("unfolded", len(runs))
	var failures []error
	for _, id := range runs {
		err := a.foldSwept(ctx, id)
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

func (a *Aggregator) foldSwept(ctx context.Context, runID string) error {
	ctx, span := a.startSpan(a.trace.Run(ctx, runID), runID)
	defer span.End()
	run, err := a.foldOne(ctx, runID)
	if err != nil || run == nil {
		return err
	}
	a.noteEnded(ctx, *run)
	if err := a.announceRuns(ctx, []endedRun{{ctx, *run}}); err != nil {
		a.log.WithError(err).WithField("run_id", runID).Warn("not announced; the sweep announces it")
	}
	return nil
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
