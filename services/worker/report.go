package worker

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel/trace"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// report publishes the result of a job whose outcome is committed. If that
// fails, or the process dies before, the aggregator's sweep finds the run: it
// costs a second.
func (w *Worker) report(
	ctx context.Context, m queue.JobMessage, claim string, status syncjob.Status, changed int64,
	class syncjob.Class, log *logrus.Entry,
) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	began := time.Now()
	ctx, step := tracing.Step(ctx, "report", trace.WithSpanKind(trace.SpanKindProducer))
	defer step.End()
	message := queue.ResultMessage{
		JobID: m.JobID, RunID: m.RunID, Claim: claim, Status: status, Exchange: m.Exchange, DataType: m.DataType,
		Subject: m.Subject, RowsChanged: changed, ErrorClass: class, FinishedAt: time.Now(),
	}
	tracing.Inject(ctx, &message.Trace)
	err := w.deps.Queue.PublishResult(ctx, message)
	since(w.metrics.of(m.Consumer()).report, began)
	if err != nil {
		log.WithError(err).Warn("the result was not reported; the sweep will find it")
		return
	}
	log.WithField("status", string(status)).Info("reported")
}
