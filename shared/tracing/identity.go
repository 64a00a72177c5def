package tracing

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
)

// TraceID is the trace of a run; the zero id if runID is no UUID. It is a hash,
// because samplers take a trace's id for random, which parts of a UUID are not.
func TraceID(runID string) trace.TraceID {
	traceID, _ := identify(runID)
	return traceID
}

// identify gives the trace of a run and the id of its first span.
func identify(runID string) (traceID trace.TraceID, root trace.SpanID) {
	id, err := uuid.Parse(runID)
	if err != nil {
		return traceID, root
	}
	sum := sha256.Sum256(id[:])
	copy(traceID[:], sum[:])
	copy(root[:], sum[len(traceID):])
	return traceID, root
}

// first is the context key of the run whose first span is about to start.
type first struct{}

// identities gives the first span of a run's trace the ids that follow from the
// run, and all other spans random ones.
type identities struct{}

// NewIDs implements sdktrace.IDGenerator.
func (g identities) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if runID, ok := ctx.Value(first{}).(string); ok {
		return identify(runID)
	}
	return identify(uuid.NewString())
}

// NewSpanID implements sdktrace.IDGenerator.
func (identities) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	for {
		var id trace.SpanID
		n := rand.Uint64() //nolint:gosec // an id and no secret
		for i := range id {
			id[i] = byte(n >> (8 * i))
		}
		if id.IsValid() {
			return id
		}
	}
}
