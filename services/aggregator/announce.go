package aggregator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// endedRun is a run that has ended, and what its announcement is a part of.
type endedRun struct {
	ctx context.Context
	run ledger.Run
}

// announceAtOnce is how many announcements wait for the broker's answer at once.
const announceAtOnce = 64

// announceRuns tells the world how runs ended.
func (a *Aggregator) announceRuns(ctx context.Context, ended []endedRun) error {
	failures := atOnce(ended, func(e endedRun) error {
		err := a.publishRun(e.ctx, e.run)
		a.metrics.announcement(announcedRun, err)
		return err
	})
	var announced []ledger.Run
	for i, e := range ended {
		if failures[i] == nil {
			announced = append(announced, e.run)
			failpoint.Hit(failpoint.AggregatorAnnounced)
		}
	}
	if len(announced) == 0 {
		return errors.Join(failures...)
	}
	if err := a.ledger.RunsAnnounced(ctx, announced); err != nil {
		return errors.Join(append(failures, err)...)
	}
	for i, e := range ended {
		if failures[i] == nil {
			a.metrics.ended(e.run)
			a.log.WithFields(logrus.Fields{"run_id": e.run.ID, "status": string(e.run.Status)}).Info("announced")
		}
	}
	return errors.Join(failures...)
}

// atOnce calls publish for each, many of them at a time, until one finds that the
// broker is away: the others would only wait for the same silence.
func atOnce[T any](items []T, publish func(T) error) []error {
	failures := make([]error, len(items))
	for first := 0; first < len(items); first += announceAtOnce {
		var all sync.WaitGroup
		last := min(first+announceAtOnce, len(items))
		for i := first; i < last; i++ {
			all.Go(func() { failures[i] = publish(items[i]) })
		}
		all.Wait()
		if i := slices.IndexFunc(failures[first:last], away); i >= 0 {
			for later := last; later < len(items); later++ {
				failures[later] = failures[first+i]
			}
			break
		}
	}
	return failures
}

func (a *Aggregator) publishRun(ctx context.Context, run ledger.Run) error {
	return a.queue.PublishRun(ctx, queue.RunEvent{
		RunID: run.ID, Subject: run.Subject, Status: run.Status, Trigger: run.Trigger,
		Total: run.Total, Succeeded: run.Succeeded, Partial: run.Partial, Failed: run.Failed,
		Dead: run.Dead, Skipped: run.Skipped, Cancelled: run.Cancelled, RowsChanged: run.Changed,
		StartedAt: timeOf(run.StartedAt), FinishedAt: timeOf(run.FinishedAt), Trace: a.traceOf(ctx, run.ID),
	})
}

// announceJobs announces changed data and dead jobs. One that fails does not keep
// the others from being announced, unless the broker is away. of gives, by job,
// what its announcement is a part of, where that is not ctx.
func (a *Aggregator) announceJobs(ctx context.Context, news []ledger.JobNews, of map[string]context.Context) error {
	failures := atOnce(news, func(n ledger.JobNews) error {
		if part, ok := of[n.JobID]; ok {
			return a.announceJob(part, n)
		}
		return a.announceJob(ctx, n)
	})
	var announced []string
	for i, n := range news {
		if failures[i] != nil {
			continue
		}
		announced = append(announced, n.JobID)
		a.log.WithFields(logrus.Fields{
			"run_id": n.RunID, "job_id": n.JobID, "data_type": string(n.DataType), "status": string(n.Status),
			"rows_changed": n.RowsChanged, "rows_deleted": n.RowsDeleted,
		}).Debug("announced the job's news")
	}
	if len(announced) > 0 {
		failures = append(failures, a.ledger.JobsAnnounced(ctx, announced))
	}
	return errors.Join(failures...)
}

func (a *Aggregator) announceJob(ctx context.Context, n ledger.JobNews) error {
	kind := announcedData
	if n.Status == syncjob.Dead {
		kind = announcedDead
	}
	err := a.publishNews(ctx, n)
	a.metrics.announcement(kind, err)
	return err
}

func (a *Aggregator) publishNews(ctx context.Context, n ledger.JobNews) error {
	if n.Status != syncjob.Dead {
		return a.queue.PublishData(ctx, queue.DataEvent{
			JobID: n.JobID, RunID: n.RunID, DataType: n.DataType, Subject: n.Subject,
			AsOf: timeOf(n.AsOf), RowsChanged: n.RowsChanged, RowsDeleted: n.RowsDeleted, Trace: a.traceOf(ctx, n.RunID),
		})
	}
	dead, err := a.obituary(ctx, n)
	if err != nil {
		return fmt.Errorf("describing dead job %s: %w", n.JobID, err)
	}
	return a.queue.PublishDead(ctx, dead)
}

// obituary collects what a reader of the dead letters needs.
func (a *Aggregator) obituary(ctx context.Context, n ledger.JobNews) (queue.DeadJob, error) {
	dead := queue.DeadJob{
		JobID: n.JobID, RunID: n.RunID, DataType: n.DataType, Subject: n.Subject,
		ErrorClass: syncjob.Class(n.ErrorClass), Reason: n.ErrorMessage, Trace: a.traceOf(ctx, n.RunID),
	}
	market, err := a.marketOf(ctx, n.Subject)
	if err != nil {
		return dead, err
	}
	dead.Exchange, dead.Environment = market.Exchange, market.Environment
	jobs, err := a.ledger.Jobs(ctx, n.RunID)
	if err != nil {
		return dead, err
	}
	for _, job := range jobs {
		if job.ID == n.JobID {
			dead.Lane, dead.Attempts, dead.ErrorCode = job.Lane, job.Attempt, job.ErrorCode
			dead.DiedAt = timeOf(job.FinishedAt)
		}
	}
	return dead, nil
}

func (a *Aggregator) marketOf(ctx context.Context, subject syncjob.Subject) (ledger.Market, error) {
	if subject.Kind == syncjob.Account {
		account, err := a.ledger.Account(ctx, subject.ID)
		return ledger.Market{
			ID: account.MarketID, Exchange: account.Exchange, Environment: account.Environment, BaseURL: account.BaseURL,
		}, err
	}
	markets, err := a.ledger.Markets(ctx)
	if err != nil {
		return ledger.Market{}, err
	}
	for _, m := range markets {
		if m.ID == subject.ID {
			return m, nil
		}
	}
	return ledger.Market{}, fmt.Errorf("market %s: %w", subject.ID, ledger.ErrNotFound)
}

// away reports that trying the next one would only wait for the same silence.
func away(err error) bool {
	return errors.Is(err, queue.ErrUnreachable) || errors.Is(err, queue.ErrUnknownOutcome) ||
		errors.Is(err, queue.ErrStreamMissing)
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
