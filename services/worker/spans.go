package worker

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// startSpan starts the span of a delivery, below the publication that it is of.
// The stages of the attempt are below it.
func (w *Worker) startSpan(ctx context.Context, slot int, d queue.Delivery) (context.Context, trace.Span) {
	if !w.deps.Trace.On() {
		return w.deps.Trace.Start(ctx, "")
	}
	ctx = w.deps.Trace.Continue(ctx, d.Job.RunID, &d.Job.Trace)
	ctx, span := w.deps.Trace.Start(ctx, "process "+string(d.Job.DataType), trace.WithSpanKind(trace.SpanKindConsumer))
	span.SetAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.destination.name", queue.JobsStream),
		attribute.String("alphapulse.run_id", d.Job.RunID),
		attribute.String("alphapulse.job_id", d.Job.JobID),
		attribute.String("alphapulse.lane", string(d.Job.Lane)),
		attribute.Int("alphapulse.slot", slot),
		attribute.Int("alphapulse.publishes", d.Job.Publishes),
		attribute.Int64("alphapulse.deliveries", int64(d.NumDelivered))) //nolint:gosec // a handful
	if !d.StoredAt.IsZero() {
		span.SetAttributes(attribute.Float64("alphapulse.queue_wait_seconds", max(time.Since(d.StoredAt), 0).Seconds()))
	}
	return ctx, span
}

// tellClaim adds to a delivery's span what its claim was answered.
func tellClaim(ctx context.Context, job *ledger.Claimed, r ledger.Refusal, err error) {
	span := trace.SpanFromContext(ctx)
	switch {
	case !span.IsRecording():
	case err != nil:
		span.SetStatus(codes.Error, err.Error())
	case job == nil:
		span.SetAttributes(attribute.String("alphapulse.claim_answer", string(r.Answer)))
	default:
		span.SetAttributes(
			attribute.String("alphapulse.claim_answer", string(ledger.Mine)),
			attribute.String("alphapulse.claim", job.Claim),
			attribute.String("alphapulse.account", job.Account),
			attribute.String("alphapulse.trigger", string(job.Trigger)),
			attribute.Int("alphapulse.attempt", job.Attempt))
	}
}

// tellOutcome adds what the attempt came to.
func tellOutcome(ctx context.Context, s ledger.Settled, out ledger.Outcome) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		attribute.String("alphapulse.status", string(s.Status)),
		attribute.Int64("alphapulse.rows_fetched", out.RowsFetched),
		attribute.Int64("alphapulse.rows_changed", s.Written.Changed),
		attribute.Int64("alphapulse.rows_deleted", s.Written.Deleted))
	if out.Class != "" {
		span.SetAttributes(attribute.String("error.type", string(out.Class)))
		span.SetStatus(codes.Error, out.Message)
	}
}

// tellLoss says that an attempt has stored nothing, and why.
func tellLoss(ctx context.Context, why string) {
	trace.SpanFromContext(ctx).SetStatus(codes.Error, why)
}
