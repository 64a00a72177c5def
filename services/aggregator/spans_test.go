package aggregator

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

func (f *fixture) traced() (*Aggregator, *tracetest.InMemoryExporter) {
	f.t.Helper()
	spans := tracetest.NewInMemoryExporter()
	a, err := New(Config{AnnounceAfter: time.Millisecond}, Deps{
		DB: f.db, Queue: f.queue, Log: queuetest.Discard(),
		Trace: tracing.NewTracer(sdktrace.AlwaysSample(), sdktrace.WithSyncer(spans)),
	})
	require.NoError(f.t, err)
	return a, spans
}

func spanOf(t *testing.T, spans tracetest.SpanStubs, name string) tracetest.SpanStub {
	t.Helper()
	for _, span := range spans {
		if span.Name == name {
			return span
		}
	}
	t.Fatalf("no span %q among %d", name, len(spans))
	return tracetest.SpanStub{}
}

// header gives the trace of the first message on a subject.
func (f *fixture) header(stream, subject string) string {
	f.t.Helper()
	conn, err := nats.Connect(f.broker.URL())
	require.NoError(f.t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(f.t, err)
	s, err := js.Stream(f.t.Context(), stream)
	require.NoError(f.t, err)
	msg, err := s.GetLastMsgForSubject(f.t.Context(), subject)
	require.NoError(f.t, err)
	return msg.Header.Get("traceparent")
}

func parentOf(span tracetest.SpanStub) string {
	return "00-" + span.SpanContext.TraceID().String() + "-" + span.SpanContext.SpanID().String() + "-01"
}

// A fold is below the report that brought it about; the run itself is written when
// it has ended, and what is announced carries the trace on.
func TestAFoldEndsTheTrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, spans := f.traced()
	runID, jobs := f.run()
	f.end(jobs[0].ID, syncjob.Succeeded, 2)
	first := f.result(runID, jobs[0], syncjob.Succeeded)
	first.Trace.Parent = "00-" + tracing.TraceID(runID).String() + "-b7ad6b7169203331-01"
	require.NoError(t, handleOne(t.Context(), a, first))
	require.Len(t, spans.GetSpans(), 1, "the run has not ended")
	open := spanOf(t, spans.GetSpans(), "fold")
	require.Equal(t, "b7ad6b7169203331", open.Parent.SpanID().String())
	require.Contains(t, open.Attributes, attribute.Bool("alphapulse.folded", false))
	require.Equal(t, parentOf(open), f.header(queue.EventsStream, "sync.data.balances."+f.account))

	spans.Reset()
	f.end(jobs[1].ID, syncjob.Failed, 0)
	require.NoError(t, handleOne(t.Context(), a, f.result(runID, jobs[1], syncjob.Failed)))
	require.Len(t, spans.GetSpans(), 2)
	fold, whole := spanOf(t, spans.GetSpans(), "fold"), spanOf(t, spans.GetSpans(), "run manual")
	require.Equal(t, whole.SpanContext.SpanID(), fold.Parent.SpanID(), "its result said nothing")
	require.Contains(t, fold.Attributes, attribute.Bool("alphapulse.folded", true))
	require.False(t, whole.Parent.IsValid())
	require.Equal(t, codes.Error, whole.Status.Code)
	require.Contains(t, whole.Attributes, attribute.String("alphapulse.status", "partial"))
	require.Equal(t, parentOf(fold), f.header(queue.EventsStream, "sync.run.partial."+f.account))
}

// What a sweep finds is in the trace of its run as well.
func TestASweptRunEndsItsTrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, spans := f.traced()
	a.cfg.Sweep = time.Nanosecond // no result is under way
	runID, jobs := f.run()
	f.end(jobs[0].ID, syncjob.Succeeded, 2)
	f.end(jobs[1].ID, syncjob.Succeeded, 0)
	require.NoError(t, a.sweepOnce(t.Context()))
	whole := spanOf(t, spans.GetSpans(), "run manual")
	require.Equal(t, tracing.TraceID(runID), whole.SpanContext.TraceID())
	require.Equal(t, whole.SpanContext.SpanID(), spanOf(t, spans.GetSpans(), "fold").Parent.SpanID())
	require.Eventually(t, func() bool {
		require.NoError(t, a.sweepOnce(t.Context()))
		left, err := f.ledger.UnannouncedJobs(t.Context(), 0, 1)
		return err == nil && len(left) == 0
	}, patience, 10*time.Millisecond)
	require.Equal(t, parentOf(whole), f.header(queue.EventsStream, "sync.data.balances."+f.account))
}
