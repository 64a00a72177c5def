package tracing

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Tracer records the spans of a process. A nil Tracer records nothing.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	sampler  sdktrace.Sampler
	log      *logrus.Entry
}

// NewTracer records into what the options say. sampler decides about whole traces
// by their id.
func NewTracer(sampler sdktrace.Sampler, options ...sdktrace.TracerProviderOption) *Tracer {
	provider := sdktrace.NewTracerProvider(append(options,
		sdktrace.WithSampler(sdktrace.ParentBased(sampler)), sdktrace.WithIDGenerator(identities{}))...)
	return &Tracer{provider: provider, tracer: provider.Tracer(scope), sampler: sampler}
}

// On reports whether anything is recorded.
func (t *Tracer) On() bool { return t != nil }

// flushTime bounds how long the end of a process waits for a collector. It is part
// of the five seconds within which Ctrl-C ends the program.
const flushTime = 400 * time.Millisecond

// Close sends what has not been sent, and records nothing from then on.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && t.log != nil {
		t.log.WithError(err).Warn("the last spans could not be sent")
	}
}

// Run gives a context in which spans are at the top of a run's trace, below the
// run itself.
func (t *Tracer) Run(ctx context.Context, runID string) context.Context {
	if t == nil {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, t.spanContext(runID))
}

// Continue gives a context in which spans are below the one that sent a message
// of a run, or at the top of the run's trace where the message does not say.
func (t *Tracer) Continue(ctx context.Context, runID string, carried propagation.TextMapCarrier) context.Context {
	if t == nil {
		return ctx
	}
	traceID, _ := identify(runID)
	sender := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carried))
	if !sender.IsValid() || sender.TraceID() != traceID {
		return t.Run(ctx, runID)
	}
	return trace.ContextWithRemoteSpanContext(ctx, sender)
}

// Link is a link to the run that another one repeats.
func (t *Tracer) Link(runID string) trace.Link {
	if t == nil {
		return trace.Link{}
	}
	return trace.Link{SpanContext: t.spanContext(runID)}
}

// spanContext is the first span of a run's trace, wherever it is or will be
// written.
func (t *Tracer) spanContext(runID string) trace.SpanContext {
	traceID, root := identify(runID)
	sampled := t.sampler.ShouldSample(sdktrace.SamplingParameters{
		ParentContext: context.Background(), TraceID: traceID,
	}).Decision == sdktrace.RecordAndSample
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: root, TraceFlags: trace.TraceFlags(0).WithSampled(sampled), Remote: true,
	})
}

// Start starts a span within a context of Run or Continue.
func (t *Tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if t == nil {
		return ctx, noop.Span{}
	}
	return t.tracer.Start(ctx, name, options...)
}

// Whole is a run that has ended.
type Whole struct {
	RunID      string
	Name       string
	From, To   time.Time
	Attributes []attribute.KeyValue
	Failure    string // empty: it went well
}

// Write writes the first span of a run's trace, the run itself.
func (t *Tracer) Write(w Whole) {
	if t == nil {
		return
	}
	ctx := context.WithValue(context.Background(), first{}, w.RunID)
	_, span := t.tracer.Start(ctx, w.Name, trace.WithNewRoot(), trace.WithTimestamp(w.From), trace.WithAttributes(w.Attributes...))
	if w.Failure != "" {
		span.SetStatus(codes.Error, w.Failure)
	}
	span.End(trace.WithTimestamp(w.To))
}

// Step starts a span below the one in ctx, which need not be recorded: then
// neither is this one.
func Step(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(scope).Start(ctx, name, options...)
}

// Inject writes the span in ctx into the headers of a message, if there is one.
func Inject(ctx context.Context, into propagation.TextMapCarrier) {
	propagation.TraceContext{}.Inject(ctx, into)
}
