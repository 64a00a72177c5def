package scheduler

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// startSpans starts a span for each publication of a batch and writes it into the
// message. What it returns ends them. A job that is published for the first time
// also shows how long its plan waited for that, whoever has planned it.
func (p *publisher) startSpans(ctx context.Context, due []ledger.Publication, jobs []queue.JobMessage) (end func([]queue.Published)) {
	if !p.trace.On() {
		return func([]queue.Published) {}
	}
	spans := make([]trace.Span, len(due))
	for i, job := range due {
		run := p.trace.Run(ctx, job.RunID)
		if job.Publishes == 1 {
			_, planned := p.trace.Start(run, "plan "+string(job.DataType), trace.WithTimestamp(job.PlannedAt))
			planned.SetAttributes(attribute.String("alphapulse.job_id", job.JobID))
			planned.End()
		}
		run, spans[i] = p.trace.Start(run, "publish "+string(job.DataType),
			trace.WithSpanKind(trace.SpanKindProducer), trace.WithLinks(p.origin(job)...))
		spans[i].SetAttributes(
			attribute.String("messaging.system", "nats"),
			attribute.String("messaging.destination.name", queue.JobsStream),
			attribute.String("alphapulse.run_id", job.RunID),
			attribute.String("alphapulse.job_id", job.JobID),
			attribute.String("alphapulse.lane", string(job.Lane)),
			attribute.String("alphapulse."+string(job.SubjectKind)+"_id", job.SubjectID),
			attribute.Int("alphapulse.publishes", job.Publishes))
		tracing.Inject(run, &jobs[i].Trace)
	}
	return func(published []queue.Published) {
		for i, at := range published {
			endSpan(spans[i], at)
		}
	}
}

// origin links to what is replayed: a replay is a story of its own, and no part of
// the first one.
func (p *publisher) origin(job ledger.Publication) []trace.Link {
	if job.OriginRunID == nil {
		return nil
	}
	return []trace.Link{p.trace.Link(*job.OriginRunID)}
}

func endSpan(span trace.Span, at queue.Published) {
	if at.Err != nil {
		span.SetStatus(codes.Error, at.Err.Error())
	} else {
		span.SetAttributes(
			attribute.Int64("alphapulse.stream_seq", int64(at.Seq)), //nolint:gosec // a stream holds no 2^63 messages
			attribute.Bool("alphapulse.duplicate", at.Duplicate))
	}
	span.End()
}
