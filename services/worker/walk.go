package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// commitMargin is what is left of a job's time when its reading is cut off, so
// that the outcome still finds the lease alive.
const commitMargin = 5 * time.Second

// walk carries one delivery from claim to ack. ctx is the work context: when
// it ends the attempt is given back. Finishing (commit, report, ack) does not
// depend on it.
func (w *Worker) walk(ctx context.Context, d queue.Delivery, log *logrus.Entry) {
	failpoint.Hit(failpoint.WorkerDelivered, string(d.Job.DataType))
	before := time.Now()
	claim := uuid.NewString()
	claiming, step := tracing.Step(ctx, "claim")
	job, refusal, err := w.claimer.claim(claiming, ledger.ClaimRequest{
		JobID: d.Job.JobID, Claim: claim, Owner: w.cfg.Name, Publishes: d.Job.Publishes,
		Seq: d.Seq, StreamCreated: d.StreamCreated,
	})
	step.End()
	tellClaim(ctx, job, refusal, err)
	m := w.metrics.of(d.Job.Consumer())
	m.claimed(before, job, refusal, err)
	switch {
	case err != nil:
		log.WithError(err).Warn("the job could not be claimed; its message comes again")
		w.nak(d, retryClaim, log)
		return
	case job == nil:
		w.refused(ctx, d, refusal, log)
		return
	}
	log = log.WithFields(logrus.Fields{"attempt": job.Attempt, "claim": claim, "account": job.Account})
	log.WithField("trigger", string(job.Trigger)).Info("claimed")
	failpoint.Hit(failpoint.WorkerClaimed, string(job.DataType), job.Account)
	held, l := w.leases.hold(ctx, job, d, before, log)
	defer w.leases.release(l)
	// Our clock at the database's claim lies between these two.
	a := &attempt{job: job, log: log, db: w.deps.Writes, metrics: m, held: w.held, claimedAt: before.Add(time.Since(before) / 2)}
	defer a.letGo()
	w.finish(ctx, d, l, w.work(held, l, a), a)
}

// result is what an attempt came to.
type result struct {
	outcome ledger.Outcome
	// write stores what was read, with the outcome; nil stores nothing. storing, if
	// set, is the same for a job that may be stored together with others.
	write   ledger.Write
	storing *storing
	facts   *ledger.KeyFacts // of a passed probe
	// quarantined is how many rows were not understood and are kept.
	quarantined int
	// cause is why it was cancelled from outside; nil if it was not. Then
	// there is no outcome.
	cause error
}

// work reads the exchange within the attempt's time. A panic is an outcome.
func (w *Worker) work(ctx context.Context, l *lease, a *attempt) (res result) {
	ctx, tally := exchange.WithTally(ctx)
	if a.job.Lane == syncjob.Backfill {
		ctx = exchange.WithPriority(ctx, exchange.Backfill)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, a.job.Timeout-commitMargin, errTimeUp)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { w.leases.cancelled(l, context.Cause(ctx)) })
	defer stop()
	defer func() {
		if p := recover(); p != nil {
			a.log.WithField("panic", fmt.Sprint(p)).WithField("stack", string(debug.Stack())).Error("the attempt panicked")
			fault := &exchange.Error{Class: classInternal, Message: "the worker met a defect of its own; its log has the stack"}
			res = result{outcome: failure(a.job, fault, false, time.Now())}
		}
		res.outcome.Requests = tally.Requests()
	}()
	failpoint.Hit(failpoint.WorkerReading, string(a.job.DataType), a.job.Account)
	began := time.Now()
	fetching, step := tracing.Step(ctx, "fetch")
	defer step.End() // also of one that panics
	res = w.read(fetching, a)
	step.End()
	since(a.metrics.fetch, began)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTimeUp) && a.paid && res.write != nil: // it has read a part of a history
	case errors.Is(cause, errTimeUp):
		fault := &exchange.Error{Class: classDeadline, Message: "the attempt ran out of time: the exchange answered too slowly"}
		res = result{outcome: failure(a.job, fault, false, time.Now())}
	case cause != nil:
		res = result{cause: cause}
	}
	return res
}

// read reads what the job is about and judges it.
func (w *Worker) read(ctx context.Context, a *attempt) result {
	if until := w.bans.left(a.job.MarketID); until > 0 {
		return result{outcome: ledger.Outcome{
			Status: syncjob.Waiting, Wait: syncjob.WaitExchange, After: until, Class: syncjob.Banned,
			Message: "the exchange refuses this address for now",
		}}
	}
	if fault := w.connect(ctx, a); fault != nil {
		return result{outcome: failure(a.job, fault, false, time.Now())}
	}
	if a.job.DataType == syncjob.Probe {
		outcome, facts, fault := a.probe(ctx)
		if fault != nil {
			w.heed(ctx, a, fault)
		}
		a.log.Info("read")
		return result{outcome: outcome, facts: facts}
	}
	reader := w.readers[a.job.DataType]
	if reader == nil {
		fault := &exchange.Error{Class: exchange.Unsupported, Message: "this worker does not know the data type"}
		return result{outcome: failure(a.job, fault, false, time.Now())}
	}
	if ids := toRetry(a.job); ids != nil {
		return a.retryQuarantine(ctx, ids, reader)
	}
	r := reader.read(ctx, a)
	if skew := a.checkDates(&r); skew != nil {
		r = reading{fault: cmp.Or(r.fault, skew)} // and no part of it is stored
	}
	if r.fault != nil {
		w.heed(ctx, a, r.fault)
	}
	v := judge(a.job, r, time.Now())
	a.log.WithFields(logrus.Fields{"rows": v.outcome.RowsFetched, "scopes": len(r.parts)}).Info("read")
	res := result{outcome: v.outcome}
	if v.store {
		a.store(&res, r)
	}
	return res
}

// finish commits, reports and acks, in this order. It uses a context of its
// own: a worker that stops still finishes what it has read.
func (w *Worker) finish(ctx context.Context, d queue.Delivery, l *lease, res result, a *attempt) {
	ctx = context.WithoutCancel(ctx)
	if res.cause != nil {
		w.abandon(ctx, d, res.cause, a)
		return
	}
	failpoint.Hit(failpoint.WorkerRead, string(a.job.DataType), a.job.Account)
	settled, err := w.commit(ctx, l, res, a)
	switch {
	case err != nil:
		tellLoss(ctx, "the outcome could not be committed")
		a.log.WithError(err).Error("the outcome could not be committed; the lease ends and the job is tried again")
		return
	case !settled.Holds:
		tellLoss(ctx, "another claim has the job")
		a.log.Warn("another claim has the job; nothing of this one was stored")
		return
	}
	a.log.WithFields(outcomeFields(settled, res.outcome)).Info("committed")
	tellOutcome(ctx, settled, res.outcome)
	failpoint.Hit(failpoint.WorkerCommitted, string(a.job.DataType), a.job.Account)
	if !settled.Status.Open() {
		w.report(ctx, d.Job, a.job.Claim, settled.Status, settled.Written.Changed, res.outcome.Class, a.log)
	}
	failpoint.Hit(failpoint.WorkerReported, string(a.job.DataType), a.job.Account)
	w.ack(ctx, d, a.log)
	failpoint.Hit(failpoint.WorkerAcked, string(a.job.DataType), a.job.Account)
}

func outcomeFields(s ledger.Settled, out ledger.Outcome) logrus.Fields {
	fields := logrus.Fields{
		"status": string(s.Status), "rows_changed": s.Written.Changed, "rows_deleted": s.Written.Deleted,
		"requests": out.Requests,
	}
	if out.Class != "" {
		fields["error_class"], fields["error_code"], fields["error_message"] = string(out.Class), out.Code, out.Message
	}
	if !s.Applied {
		fields["ended_by"] = "somebody else"
	}
	return fields
}

// commit stores the outcome, and counts it.
func (w *Worker) commit(ctx context.Context, l *lease, res result, a *attempt) (ledger.Settled, error) {
	began := time.Now()
	ctx, step := tracing.Step(ctx, "commit")
	defer step.End()
	settled, err := w.commitWithin(ctx, l, res, a)
	since(a.metrics.commit, began)
	if err == nil {
		a.metrics.committed(settled, res)
	}
	return settled, err
}

// commitWithin stores the outcome for as long as the lease can be alive. While the
// database is away the ledger tries again, with the data that was read kept; an
// error that trying again cannot mend becomes the outcome.
func (w *Worker) commitWithin(ctx context.Context, l *lease, res result, a *attempt) (ledger.Settled, error) {
	settled, err := w.commitOnce(ctx, l, res, a)
	if err == nil || res.write == nil || postgres.IsConnection(err) || postgres.NoConnection(err) {
		return settled, err
	}
	a.log.WithError(err).Error("what was read could not be stored")
	fault := databaseFault("storing what was read", err)
	return w.commitOnce(ctx, l, result{outcome: failure(a.job, fault, false, time.Now())}, a)
}

// commitOnce commits together with the jobs that end at the same time, if that is
// possible, and else alone.
func (w *Worker) commitOnce(ctx context.Context, l *lease, res result, a *attempt) (ledger.Settled, error) {
	grouped := w.committer.takes(a.job, res)
	var refused error
	if grouped {
		settled, err := w.committer.commit(l, a.job, res)
		if err == nil {
			return settled, nil
		}
		refused = err
	}
	ctx, cancel := context.WithDeadline(ctx, w.leases.committing(l))
	defer cancel()
	switch {
	case grouped:
		return w.writes.CommitAfterGroup(ctx, a.job, res.outcome, res.write, refused)
	case a.job.DataType == syncjob.Probe:
		return w.writes.CommitProbe(ctx, a.job, res.outcome, res.facts)
	default:
		return w.writes.Commit(ctx, a.job, res.outcome, res.write)
	}
}

// abandon ends an attempt that was cancelled from outside. A worker that stops
// gives the job back; one that lost its claim, or may have, touches nothing.
func (w *Worker) abandon(ctx context.Context, d queue.Delivery, cause error, a *attempt) {
	w.metrics.abandon(cause)
	tellLoss(ctx, cause.Error())
	log := a.log.WithField("cause", cause.Error())
	if errors.Is(cause, errTaken) || errors.Is(cause, errUnsure) {
		log.Warn("abandoned: the claim is lost")
		return
	}
	failpoint.Hit(failpoint.WorkerDraining, string(a.job.DataType), a.job.Account)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	released, err := w.claims.Release(ctx, ledger.Holding{JobID: a.job.JobID, Claim: a.job.Claim})
	switch {
	case err != nil:
		log.WithError(err).Warn("the job could not be given back; its lease ends")
	case released:
		log.Info("released")
		w.nak(d, 0, log)
	}
}
