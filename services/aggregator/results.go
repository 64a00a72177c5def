package aggregator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel/trace"

	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/gather"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// foldedMost is how many results at most are folded by one transaction.
const foldedMost = 64

// foldedRest is how soon after a fold began the next one begins, unless half as many
// results as it takes wait.
const foldedRest = 100 * time.Millisecond

// handling is a result in hand, with its span.
type handling struct {
	ctx    context.Context
	span   trace.Span
	result queue.ResultMessage
	ended  *ledger.Run // the run that it ended; nil: it ended none
	err    error
	settle func(error)
}

// results handles results until take ends. While the database is away it takes
// none: a result that cannot be folded would come again every second, and be
// given up after ten.
func (a *Aggregator) results(take, work context.Context) {
	var inHand sync.WaitGroup
	defer inHand.Wait()
	places := make(chan struct{}, a.cfg.Folders*foldedMost)
	groups := gather.New(foldedMost, a.cfg.Folders, foldedRest, a.handle)
	for {
		open, done, err := a.gate.Pass(take)
		if err != nil {
			return
		}
		a.queue.Results(open, func(d queue.ResultDelivery) {
			places <- struct{}{}
			inHand.Add(1)
			groups.Add(a.handling(work, d.Result, func(err error) {
				d.Settle(err)
				<-places
				inHand.Done()
			}))
		})
		done()
	}
}

func (a *Aggregator) handling(ctx context.Context, result queue.ResultMessage, settle func(error)) *handling {
	h := &handling{result: result, settle: settle}
	h.ctx, h.span = a.startSpan(a.trace.Continue(ctx, result.RunID, &result.Trace), result.RunID)
	failpoint.Hit(failpoint.AggregatorReceived)
	return h
}

// handle folds the runs of results that came together, and announces what there is
// to announce. Only the fold decides whether a result is acked: an announcement that
// fails is repeated by the sweep.
func (a *Aggregator) handle(group []*handling) {
	a.foldAll(group)
	a.announceEnded(group)
	a.announceNews(group)
	for _, h := range group {
		a.metrics.handled(h.ended != nil, h.err)
		if errors.Is(h.err, ledger.ErrNotFound) {
			h.log(a.log).Warn("a result of a run that does not exist; it is dropped")
			h.err = nil
		}
		h.span.End()
		h.settle(h.err)
	}
}

func (h *handling) log(log *logrus.Entry) *logrus.Entry {
	return log.WithFields(logrus.Fields{
		"run_id": h.result.RunID, "job_id": h.result.JobID, "data_type": string(h.result.DataType),
	})
}

// foldAll folds the runs of a group together; what cannot be folded so is folded
// alone, so that one run harms no other.
func (a *Aggregator) foldAll(group []*handling) {
	ids, first := runsOf(group)
	folded, left, err := a.ledger.FoldGroup(group[0].ctx, ids)
	if err != nil {
		if len(ids) > 1 {
			a.log.WithError(err).WithField("runs", len(ids)).Warn("runs could not be folded together; each is folded alone")
		}
		left = ids
	}
	for i := range folded {
		first[folded[i].ID].ended = &folded[i]
	}
	for _, id := range left {
		first[id].ended, first[id].err = a.foldOne(first[id].ctx, id)
	}
	for _, h := range group { // a second result of a run shares the fate of the first
		h.err = first[h.result.RunID].err
	}
}

// runsOf are the runs of a group, each once, and the first result of each.
func runsOf(group []*handling) (ids []string, first map[string]*handling) {
	first = make(map[string]*handling, len(group))
	for _, h := range group {
		id := h.result.RunID
		if first[id] == nil {
			first[id], ids = h, append(ids, id)
		}
	}
	return ids, first
}

// foldOne ends a run if all its jobs are terminal, and gives it if it has.
func (a *Aggregator) foldOne(ctx context.Context, runID string) (*ledger.Run, error) {
	folded, err := a.ledger.Fold(ctx, runID)
	if err != nil {
		return nil, fmt.Errorf("folding run %s: %w", runID, err)
	}
	if !folded {
		return nil, nil //nolint:nilnil // it is not over
	}
	run, err := a.ledger.Run(ctx, runID)
	if err != nil {
		return nil, fmt.Errorf("reading folded run %s: %w", runID, err)
	}
	return &run, nil
}

// announceEnded announces the runs that a group has ended.
func (a *Aggregator) announceEnded(group []*handling) {
	var ended []endedRun
	for _, h := range group {
		if h.ended != nil {
			a.noteEnded(h.ctx, *h.ended)
			ended = append(ended, endedRun{h.ctx, *h.ended})
		}
	}
	if err := a.announceRuns(group[0].ctx, ended); err != nil {
		a.log.WithError(err).Warn("runs were not announced; the sweep announces them")
	}
}

// announceNews announces the data that the jobs of a group have changed, and the
// dead among them.
func (a *Aggregator) announceNews(group []*handling) {
	var ids []string
	of := make(map[string]context.Context, len(group))
	for _, h := range group {
		if h.err == nil {
			ids, of[h.result.JobID] = append(ids, h.result.JobID), h.ctx
		}
	}
	if len(ids) == 0 {
		return
	}
	news, err := a.ledger.JobNews(group[0].ctx, ids...)
	if err == nil {
		err = a.announceJobs(group[0].ctx, news, of)
	}
	if err != nil {
		a.log.WithError(err).Warn("jobs were not announced; the sweep announces them")
	}
}

// noteEnded says that a run has ended.
func (a *Aggregator) noteEnded(ctx context.Context, run ledger.Run) {
	a.log.WithFields(logrus.Fields{
		"run_id": run.ID, "status": string(run.Status), "trigger": string(run.Trigger), "account": run.Account,
		"jobs": run.Total, "rows_changed": run.Changed,
	}).Info("folded")
	a.writeWhole(ctx, run)
	failpoint.Hit(failpoint.AggregatorFolded)
}
