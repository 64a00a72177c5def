package tracing_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/alphapulse/alphapulse/shared/tracing"
)

const (
	run     = "0192b1a0-0000-7000-8000-000000000001"
	another = "0192b1a0-0000-7000-8000-000000000002"
)

// process is one process's tracer, and what it has recorded.
func process(sampler sdktrace.Sampler) (*tracing.Tracer, *tracetest.InMemoryExporter) {
	spans := tracetest.NewInMemoryExporter()
	return tracing.NewTracer(sampler, sdktrace.WithSyncer(spans)), spans
}

// A trace's id is a promise to logs and to processes of other versions.
func TestTheIDOfATraceFollowsFromTheRun(t *testing.T) {
	t.Parallel()
	require.Equal(t, "acd9f808b1daabf8fa41b28f33c19c16", tracing.TraceID(run).String())
	require.NotEqual(t, tracing.TraceID(run), tracing.TraceID(another))
	require.False(t, tracing.TraceID("no UUID").IsValid())
}

// Three processes that share nothing but the run's id and a message's headers
// write one trace with one top.
func TestOneTraceAcrossProcesses(t *testing.T) {
	t.Parallel()
	scheduler, published := process(sdktrace.AlwaysSample())
	worker, processed := process(sdktrace.AlwaysSample())
	aggregator, folded := process(sdktrace.AlwaysSample())
	job, result := propagation.MapCarrier{}, propagation.MapCarrier{}

	ctx, publish := scheduler.Start(scheduler.Run(t.Context(), run), "publish")
	tracing.Inject(ctx, job)
	publish.End()

	ctx, work := worker.Start(worker.Continue(t.Context(), run, job), "process")
	ctx, report := tracing.Step(ctx, "report")
	tracing.Inject(ctx, result)
	report.End()
	work.End()

	_, fold := aggregator.Start(aggregator.Continue(t.Context(), run, result), "fold")
	fold.End()
	from, to := time.Unix(1_700_000_000, 0), time.Unix(1_700_000_009, 0)
	aggregator.Write(tracing.Whole{
		RunID: run, Name: "run", From: from, To: to, Failure: "partial", Attributes: []attribute.KeyValue{attribute.Int("jobs", 3)},
	})

	spans := map[string]tracetest.SpanStub{}
	for _, exporter := range []*tracetest.InMemoryExporter{published, processed, folded} {
		for _, span := range exporter.GetSpans() {
			require.Equal(t, tracing.TraceID(run), span.SpanContext.TraceID(), span.Name)
			spans[span.Name] = span
		}
	}
	require.Len(t, spans, 5)
	for child, parent := range map[string]string{"publish": "run", "process": "publish", "report": "process", "fold": "report"} {
		require.Equal(t, spans[parent].SpanContext.SpanID(), spans[child].Parent.SpanID(), "%s is below %s", child, parent)
	}
	top := spans["run"]
	require.False(t, top.Parent.IsValid(), "the run is the top")
	require.True(t, top.StartTime.Equal(from))
	require.True(t, top.EndTime.Equal(to))
	require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "partial"}, top.Status)
	require.Contains(t, top.Attributes, attribute.Int("jobs", 3))
}

// What a header says is taken for a hint: without one, with one that is no trace,
// and with one of another run a span is at the top of its own run's trace.
func TestAHeaderOfAnotherRunIsNotBelieved(t *testing.T) {
	t.Parallel()
	tracer, spans := process(sdktrace.AlwaysSample())
	foreign := propagation.MapCarrier{}
	ctx, span := tracer.Start(tracer.Run(t.Context(), another), "elsewhere")
	tracing.Inject(ctx, foreign)
	span.End()
	for name, carried := range map[string]propagation.MapCarrier{
		"none": {}, "garbage": {"traceparent": "00-zz-zz-01"}, "foreign": foreign,
	} {
		spans.Reset()
		_, span := tracer.Start(tracer.Continue(t.Context(), run, carried), "process")
		span.End()
		tracer.Write(tracing.Whole{RunID: run, Name: "run", From: time.Now(), To: time.Now()})
		require.Len(t, spans.GetSpans(), 2, name)
		process, whole := spans.GetSpans()[0], spans.GetSpans()[1]
		require.Equal(t, tracing.TraceID(run), process.SpanContext.TraceID(), name)
		require.Equal(t, whole.SpanContext.SpanID(), process.Parent.SpanID(), name)
	}
}

// Processes that know nothing of each other record the same traces, and about as
// many as they were told.
func TestProcessesAgreeOnWhichTracesAreRecorded(t *testing.T) {
	t.Parallel()
	one, ones := process(sdktrace.TraceIDRatioBased(0.3))
	two, twos := process(sdktrace.TraceIDRatioBased(0.3))
	const runs = 1000
	for range runs {
		id := uuid.Must(uuid.NewV7()).String()
		_, span := one.Start(one.Run(t.Context(), id), "publish")
		span.End()
		two.Write(tracing.Whole{RunID: id, Name: "run", From: time.Now(), To: time.Now()})
	}
	require.InDelta(t, 0.3*runs, len(ones.GetSpans()), 0.1*runs)
	require.Len(t, twos.GetSpans(), len(ones.GetSpans()))
	for i, span := range ones.GetSpans() {
		require.Equal(t, span.SpanContext.TraceID(), twos.GetSpans()[i].SpanContext.TraceID())
	}
}

// A replay names what it repeats, and is no part of it.
func TestALinkNamesTheTopOfAnotherTrace(t *testing.T) {
	t.Parallel()
	tracer, spans := process(sdktrace.AlwaysSample())
	tracer.Write(tracing.Whole{RunID: another, Name: "run", From: time.Now(), To: time.Now()})
	_, span := tracer.Start(tracer.Run(t.Context(), run), "publish", trace.WithLinks(tracer.Link(another)))
	span.End()
	first, replay := spans.GetSpans()[0], spans.GetSpans()[1]
	require.Len(t, replay.Links, 1)
	require.Equal(t, first.SpanContext.TraceID(), replay.Links[0].SpanContext.TraceID())
	require.Equal(t, first.SpanContext.SpanID(), replay.Links[0].SpanContext.SpanID())
	require.NotEqual(t, first.SpanContext.TraceID(), replay.SpanContext.TraceID())
}

// A nil Tracer does nothing, and puts nothing into messages.
func TestOff(t *testing.T) {
	t.Parallel()
	var off *tracing.Tracer
	carried := propagation.MapCarrier{}
	ctx, span := off.Start(off.Continue(off.Run(t.Context(), run), run, carried), "publish")
	ctx, step := tracing.Step(ctx, "claim")
	tracing.Inject(ctx, carried)
	step.End()
	span.End()
	off.Write(tracing.Whole{RunID: run})
	off.Close()
	require.False(t, off.On())
	require.False(t, span.IsRecording())
	require.False(t, trace.SpanContextFromContext(ctx).IsValid())
	require.Empty(t, carried)
	require.Equal(t, context.Background(), off.Run(context.Background(), run))
}
