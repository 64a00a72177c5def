package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// replayer drives replays: it finds their jobs in the stream and in the tables,
// and makes the new ones at the rate that was asked for. Every step is one
// transaction, so that any scheduler goes on where another one died.
type replayer struct {
	ledger *ledger.Ledger
	queue  *queue.Queue
	log    *logrus.Entry
	poll   time.Duration
	due    func() // jobs have become due
}

// step makes one step of the replay that has waited longest.
func (p *replayer) step(ctx context.Context) (time.Duration, error) {
	r, wait, err := p.ledger.NextReplay(ctx, p.poll)
	if err != nil || r == nil {
		return max(wait, minPause), err
	}
	switch {
	case r.Status == ledger.ReplayRunning:
		return p.make(ctx, *r)
	case r.Phase == ledger.PhaseStream:
		return 0, p.readStream(ctx, *r)
	default:
		return 0, p.ledger.PlanFromTables(ctx, *r)
	}
}

// readStream adds a page of the stream. A stream that is missing holds nothing:
// the tables have it all.
func (p *replayer) readStream(ctx context.Context, r ledger.Replay) error {
	page, err := p.queue.StoredJobs(ctx, jobsQuery(r))
	if errors.Is(err, queue.ErrStreamMissing) {
		page, err = queue.JobsPage{Next: r.NextSeq, End: true}, nil
	}
	if err != nil {
		return err
	}
	ids := make([]string, len(page.Jobs))
	for i, job := range page.Jobs {
		ids[i] = job.JobID
	}
	return p.ledger.PlanFromStream(ctx, r, ledger.StreamPage{
		JobIDs: ids, Next: page.Next, End: page.End, Created: page.Created,
	})
}

func jobsQuery(r ledger.Replay) queue.JobsQuery {
	f := r.Filter
	return queue.JobsQuery{
		Exchange: f.Exchange, Types: f.Types, SubjectID: f.AccountID, Since: r.Since, Until: r.Until,
		FromSeq: r.NextSeq, ToSeq: f.ToSeq,
	}
}

func (p *replayer) make(ctx context.Context, r ledger.Replay) (time.Duration, error) {
	step, err := p.ledger.ReplayBatch(ctx, r.ID)
	if err != nil {
		return 0, err
	}
	if step.Status == "" {
		return minPause, nil // another scheduler is at it
	}
	if step.Made > 0 {
		p.due()
	}
	if !step.Status.Open() {
		p.log.WithFields(logrus.Fields{"replay_id": r.ID, "status": string(step.Status)}).Info("replay ended")
	}
	return 0, nil
}
