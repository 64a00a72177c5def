package aggregator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// announceRun tells the world how a run ended.
func (a *Aggregator) announceRun(ctx context.Context, run ledger.Run) error {
	err := a.queue.PublishRun(ctx, queue.RunEvent{
		RunID: run.ID, Subject: run.Subject, Status: run.Status, Trigger: run.Trigger,
		Total: run.Total, Succeeded: run.Succeeded, Partial: run.Partial, Failed: run.Failed,
		Dead: run.Dead, Skipped: run.Skipped, Cancelled: run.Cancelled, RowsChanged: run.Changed,
		StartedAt: timeOf(run.StartedAt), FinishedAt: timeOf(run.FinishedAt), Trace: a.traceOf(ctx, run.ID),
	})
	a.metrics.announcement(announcedRun, err)
	if err != nil {
		return err
	}
	failpoint.Hit(failpoint.AggregatorAnnounced)
	if err := a.ledger.RunsAnnounced(ctx, []string{run.ID}); err != nil {
		return err
	}
	a.metrics.ended(run)
	a.log.WithFields(logrus.Fields{"run_id": run.ID, "status": string(run.Status)}).Info("announced")
	return nil
}

// announceJobs announces changed data and dead jobs. One that fails does not keep
// the others from being announced, unless the broker is away.
func (a *Aggregator) announceJobs(ctx context.Context, news []ledger.JobNews) error {
	var announced []string
	var failures []error
	for _, n := range news {
		if err := a.announceJob(ctx, n); err != nil {
			failures = append(failures, err)
			if away(err) {
				break
			}
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
