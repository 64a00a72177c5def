package exchange

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// spanScope names what records; the spans are below the one in the caller's
// context, by whoever records that.
const spanScope = "github.com/alphapulse/alphapulse/services/worker/exchange"

func startSpan(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(spanScope).Start(ctx, name, options...)
}

// inSpan sends one request in a span. What is asked for is told by the adapter
// (DescribeRequest), which alone knows it.
func inSpan(ctx context.Context, host string, send func(context.Context) error) error {
	ctx, span := startSpan(ctx, "request", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	err := send(ctx)
	if !span.IsRecording() {
		return err
	}
	span.SetAttributes(attribute.String("server.address", host))
	if err != nil {
		fault := classified(err)
		span.SetAttributes(attribute.String("error.type", string(fault.Class)))
		span.SetStatus(codes.Error, fault.Error())
	}
	return err
}

// DescribeRequest names the request that is being sent in ctx. path is without
// the query, which belongs to no trace.
func DescribeRequest(ctx context.Context, method, path string) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetName(method + " " + path)
		span.SetAttributes(attribute.String("http.request.method", method), attribute.String("url.path", path))
	}
}

// DescribeAnswer adds the HTTP status of its answer.
func DescribeAnswer(ctx context.Context, status int) {
	trace.SpanFromContext(ctx).SetAttributes(attribute.Int("http.response.status_code", status))
}

// longWait is how long a wait for the budget must be to be seen in a trace.
const longWait = 5 * time.Millisecond

// tellWait records a wait for the budget that is over.
func tellWait(ctx context.Context, began time.Time) {
	if time.Since(began) < longWait {
		return
	}
	_, span := startSpan(ctx, "await budget", trace.WithTimestamp(began))
	span.End()
}
