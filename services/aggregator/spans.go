package aggregator

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// startSpan starts the span of one try to fold a run.
func (a *Aggregator) startSpan(ctx context.Context, runID string) (context.Context, trace.Span) {
	ctx, span := a.trace.Start(ctx, "fold", trace.WithSpanKind(trace.SpanKindConsumer))
	if span.IsRecording() {
		span.SetAttributes(attribute.String("alphapulse.run_id", runID), attribute.Bool("alphapulse.folded", false))
	}
	return ctx, span
}

// writeWhole writes the run itself, now that it has ended, as the first span of its
// trace. If the process dies before, the trace has no top.
func (a *Aggregator) writeWhole(ctx context.Context, run ledger.Run) {
	if !a.trace.On() {
		return
	}
	trace.SpanFromContext(ctx).SetAttributes(attribute.Bool("alphapulse.folded", true))
	whole := tracing.Whole{
		RunID: run.ID, Name: "run " + string(run.Trigger), From: run.CreatedAt, To: timeOf(run.FinishedAt),
		Attributes: []attribute.KeyValue{
			attribute.String("alphapulse.run_id", run.ID),
			attribute.String("alphapulse.account", run.Account),
			attribute.String("alphapulse.status", string(run.Status)),
			attribute.Int("alphapulse.jobs", run.Total),
			attribute.Int64("alphapulse.rows_changed", run.Changed),
		},
	}
	if run.Status != syncjob.RunSucceeded {
		whole.Failure = string(run.Status)
	}
	a.trace.Write(whole)
}

// traceOf is the trace that an announcement of a run carries: below what is at
// work, or at the top of the run's.
func (a *Aggregator) traceOf(ctx context.Context, runID string) (carried queue.TraceContext) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = a.trace.Run(ctx, runID)
	}
	tracing.Inject(ctx, &carried)
	return carried
}
