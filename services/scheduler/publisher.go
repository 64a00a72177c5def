package scheduler

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
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// publishTimeout bounds one batch, from when it was taken. It is shorter than the ten
// seconds after which a job without a stream sequence is published again, so that this
// publisher's answer is not overtaken by its own sweep.
const publishTimeout = 8 * time.Second

// handedFor is for how long a batch may wait that was handed over. It leaves half of the
// time to publish it, and what is due besides.
const handedFor = publishTimeout / 2

// publisher sends due jobs to the stream.
type publisher struct {
	metrics  *measures
	ledger   *ledger.Ledger
	queue    *queue.Queue
	log      *logrus.Entry
	trace    *tracing.Tracer
	poll     time.Duration
	batch    int
	missing  func() // the stream is missing
	full     func() // the stream is full
	hand     *handover
	receipts *receipts
	due      frontier
}

// step publishes one batch: what the planner has handed over, and what is due
// besides. After a failure the planner hands nothing over until a batch was
// published without one.
func (p *publisher) step(ctx context.Context) (time.Duration, error) {
	batch := p.hand.take()
	p.tellPlanned(batch.jobs)
	if time.Since(batch.at) > handedFor { // left over from before a failure
		if err := p.giveBack(ctx, taken(batch.jobs)); err != nil {
			return 0, err
		}
		batch = handed{at: time.Now()}
	}
	pause, err := p.publishNext(ctx, batch)
	if err != nil {
		p.hand.open.Store(false)
	}
	return pause, err
}

// publishNext asks the broker first, and only when something is due: taking a job
// raises its publishes, which would be for nothing while the broker is away.
func (p *publisher) publishNext(ctx context.Context, batch handed) (time.Duration, error) {
	from := p.due.from()
	wait, first, err := p.ledger.NextDue(ctx, from, p.poll)
	if err == nil {
		p.due.saw(first)
		if wait > 0 && len(batch.jobs) == 0 {
			return p.due.rest(wait), nil
		}
		err = p.ready(ctx)
	}
	due := batch
	if err == nil && wait <= 0 {
		due, err = p.takeDue(ctx, from, batch)
	}
	if err != nil {
		return 0, errors.Join(err, p.giveBack(ctx, taken(batch.jobs)))
	}
	if len(due.jobs) == 0 {
		return minPause, nil // another scheduler is at it
	}
	failpoint.Hit(failpoint.SchedulerTaken)
	if err := p.publish(ctx, due); err != nil {
		return 0, err
	}
	p.hand.open.Store(true)
	if len(due.jobs) >= p.batch || len(p.hand.batches) > 0 {
		return 0, nil
	}
	return publishRest, nil
}

func (p *publisher) ready(ctx context.Context) error {
	if err := p.queue.Ready(ctx); err != nil {
		return fmt.Errorf("jobs are due: %w", err)
	}
	return nil
}

// takeDue adds jobs that are due to a batch.
func (p *publisher) takeDue(ctx context.Context, from time.Time, batch handed) (handed, error) {
	due, err := p.ledger.TakeDueFrom(ctx, from, p.batch)
	p.tellPlanned(due)
	return handed{jobs: append(due, batch.jobs...), at: batch.at}, err
}

// empty makes due what was handed over and will not be published, because the
// scheduler ends.
func (p *publisher) empty(ctx context.Context) {
	if err := p.receipts.storeAll(ctx); err != nil {
		p.log.WithError(err).Warn("receipts of published jobs were not stored; a sweep publishes those that wait again")
	}
	for batch := p.hand.take(); len(batch.jobs) > 0; batch = p.hand.take() {
		p.tellPlanned(batch.jobs)
		if err := p.giveBack(ctx, taken(batch.jobs)); err != nil {
			p.log.WithError(err).Warn("planned jobs were not given back; a sweep makes them due within seconds")
			return
		}
	}
}

// publish sends what was taken and keeps the receipts. If the process dies before these
// are stored, the jobs that no claim has taken meanwhile are published again under the
// next number.
func (p *publisher) publish(ctx context.Context, batch handed) error {
	ctx, cancel := context.WithDeadline(ctx, batch.at.Add(publishTimeout))
	defer cancel()
	due := batch.jobs
	jobs := messages(due)
	ended := p.startSpans(ctx, due, jobs)
	published := p.send(ctx, jobs)
	ended(published)
	var receipts []ledger.Receipt
	var refused []ledger.Published
	var failures []error
	for i, at := range published {
		p.metrics.published(due[i].DataType, due[i].Publishes, at)
		switch {
		case at.Err == nil:
			receipts = append(receipts, ledger.Receipt{
				JobID: due[i].JobID, Publishes: due[i].Publishes, Seq: at.Seq, Created: at.StreamCreated,
			})
		case errors.Is(at.Err, queue.ErrRefused):
			refused = append(refused, ledger.Published{JobID: due[i].JobID, Publishes: due[i].Publishes})
			failures = append(failures, at.Err)
		default:
			failures = append(failures, at.Err)
		}
	}
	p.tellPublished(due, published)
	failpoint.Hit(failpoint.SchedulerPublished)
	p.receipts.keep(receiptBatch{receipts: receipts, taken: batch.at})
	return errors.Join(p.giveBack(ctx, refused), p.blame(len(due), failures))
}

// send publishes, and once more under the same message ids what was not
// answered: if it was stored after all, the broker says where instead of storing
// it twice.
func (p *publisher) send(ctx context.Context, jobs []queue.JobMessage) []queue.Published {
	published := p.queue.PublishJobs(ctx, jobs)
	var again []queue.JobMessage
	var index []int
	for i, at := range published {
		if errors.Is(at.Err, queue.ErrUnknownOutcome) {
			again, index = append(again, jobs[i]), append(index, i)
		}
	}
	if len(again) == 0 || ctx.Err() != nil {
		return published
	}
	for i, at := range p.queue.PublishJobs(ctx, again) {
		if errors.Is(at.Err, queue.ErrRefused) {
			continue // refused now says nothing about the first time
		}
		published[index[i]] = at
	}
	return published
}

// giveBack makes jobs due again that are certainly not in the stream.
func (p *publisher) giveBack(ctx context.Context, refused []ledger.Published) error {
	_, err := p.ledger.Republish(ctx, refused)
	return err
}

// blame turns the failures of a batch into one error, and tells those who can
// help.
func (p *publisher) blame(total int, failures []error) error {
	if len(failures) == 0 {
		return nil
	}
	for _, err := range failures {
		if errors.Is(err, queue.ErrStreamMissing) {
			p.missing()
			break
		}
	}
	for _, err := range failures {
		if errors.Is(err, queue.ErrStreamFull) {
			p.full()
			break
		}
	}
	return fmt.Errorf("%d of %d jobs were not published; the first: %w", len(failures), total, failures[0])
}

// tellPlanned logs the first step of each job's walk. A job is met here for the
// first time whoever planned it: a schedule, a person, an accepted key. It is logged
// also if what was handed over is not published now, because later it is not the first.
func (p *publisher) tellPlanned(jobs []ledger.Publication) {
	for _, job := range jobs {
		if job.Publishes == 1 {
			p.log.WithFields(walkOf(job)).Info("planned")
		}
	}
}

// tellPublished logs the second step. It is repeated for each publication, so a
// job that was retried or lost shows how often.
func (p *publisher) tellPublished(due []ledger.Publication, published []queue.Published) {
	for i, job := range due {
		fields := walkOf(job)
		fields["publishes"] = job.Publishes
		if at := published[i]; at.Err != nil {
			p.log.WithFields(fields).WithError(at.Err).Warn("not published")
		} else {
			fields["stream_seq"] = at.Seq
			p.log.WithFields(fields).Info("published")
		}
	}
}

// walkOf is what each line of a job's walk says of it.
func walkOf(job ledger.Publication) logrus.Fields {
	return logrus.Fields{
		"run_id": job.RunID, "job_id": job.JobID, "data_type": string(job.DataType), "lane": string(job.Lane),
		string(job.SubjectKind) + "_id": job.SubjectID,
	}
}

// taken are jobs under the publication that they were taken for.
func taken(jobs []ledger.Publication) []ledger.Published {
	publications := make([]ledger.Published, len(jobs))
	for i, job := range jobs {
		publications[i] = ledger.Published{JobID: job.JobID, Publishes: job.Publishes}
	}
	return publications
}

func messages(due []ledger.Publication) []queue.JobMessage {
	jobs := make([]queue.JobMessage, len(due))
	for i, job := range due {
		jobs[i] = queue.JobMessage{
			JobID: job.JobID, RunID: job.RunID, Publishes: job.Publishes,
			Subject:  syncjob.Subject{Kind: job.SubjectKind, ID: job.SubjectID},
			Exchange: job.Exchange, Environment: job.Environment, DataType: job.DataType, Lane: job.Lane,
		}
		jobs[i].ExpiresAt = expiry(job)
	}
	return jobs
}

// unbounded is how long a message may be taken whose run has no fixed deadline,
// because it moves on with what the run does: as long as the stream keeps it.
// The claim decides what the job is worth then.
const unbounded = 7 * 24 * time.Hour

func expiry(job ledger.Publication) time.Time {
	if job.ExpiresAt == nil {
		return time.Now().Add(unbounded)
	}
	return *job.ExpiresAt
}
