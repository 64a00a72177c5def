package scheduler

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// traced is a scheduler whose spans the test can read.
func (f *fleet) traced() (*Scheduler, *tracetest.InMemoryExporter) {
	f.t.Helper()
	spans := tracetest.NewInMemoryExporter()
	s, err := New(Config{}, Deps{
		DB: f.db, Queue: f.queue, Log: queuetest.Discard(), Trace: tracing.NewTracer(sdktrace.AlwaysSample(), sdktrace.WithSyncer(spans)),
	})
	require.NoError(f.t, err)
	return s, spans
}

func named(spans *tracetest.InMemoryExporter, name string) []tracetest.SpanStub {
	var found []tracetest.SpanStub
	for _, span := range spans.GetSpans() {
		if span.Name == name {
			found = append(found, span)
		}
	}
	return found
}

// A job is planned once and published as often as it must be: all in one trace,
// which travels with each message.
func TestPublicationsAreInTheTraceOfTheirRun(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, spans := f.traced()
	f.manual(f.accounts(1))
	f.settle(s)
	first := f.take(1)[0]
	require.NoError(t, first.Ack(t.Context()))
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'waiting', wait_reason = 'retry', next_at = clock_timestamp()
	        WHERE id = $1`, first.Job.JobID)
	f.settle(s)
	second := f.take(1)[0]

	plans, publications := named(spans, "plan balances"), named(spans, "publish balances")
	require.Len(t, plans, 1)
	require.Len(t, publications, 2)
	top := plans[0].Parent
	require.Equal(t, tracing.TraceID(first.Job.RunID), top.TraceID())
	require.True(t, plans[0].StartTime.Before(publications[0].StartTime))
	for i, job := range []string{first.Job.Trace.Parent, second.Job.Trace.Parent} {
		span := publications[i]
		require.Equal(t, top.SpanID(), span.Parent.SpanID(), "below the run itself")
		require.Equal(t, "00-"+span.SpanContext.TraceID().String()+"-"+span.SpanContext.SpanID().String()+"-01", job)
		require.Contains(t, span.Attributes, attribute.String("alphapulse.job_id", first.Job.JobID))
		require.Contains(t, span.Attributes, attribute.Int("alphapulse.publishes", i+1))
		require.Empty(t, span.Links)
	}
}

// A replay links to the run that it repeats, and is a trace of its own.
func TestAReplayLinksToWhatItRepeats(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, spans := f.traced()
	f.manual(f.accounts(1))
	f.settle(s)
	original := f.take(1)[0]
	require.NoError(t, original.Ack(t.Context()))
	f.end()
	spans.Reset()
	f.drive(s, f.startReplay(ledger.ReplayFilter{FromSeq: original.Seq, ToSeq: original.Seq}))
	f.settle(s)
	replayed := f.take(1)[0]
	publications := named(spans, "publish balances")
	require.Len(t, publications, 1)
	require.Equal(t, tracing.TraceID(replayed.Job.RunID), publications[0].SpanContext.TraceID())
	require.Len(t, publications[0].Links, 1)
	require.Equal(t, tracing.TraceID(original.Job.RunID), publications[0].Links[0].SpanContext.TraceID())
}

// Without tracing nothing is added to a message.
func TestMessagesCarryNoTraceWithoutTracing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	f.manual(f.accounts(1))
	f.settle(s)
	require.Empty(t, f.take(1)[0].Job.Trace)
}
