package tracing

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// scope is the name of what records.
const scope = "github.com/alphapulse/alphapulse"

// Process is whose spans they are. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
// add to it and win over it.
type Process struct {
	Service string // scheduler, worker, …
	Name    string // which of them
	Version string
}

// Open prepares to record, and lets lines of the log that name a run carry the
// trace's id. It connects to nobody: a collector may come up later, and the log
// says when spans could not be sent. With Settings that are off it gives a nil
// Tracer, which records nothing.
func Open(s Settings, p Process, log *logrus.Entry) (*Tracer, error) {
	if !s.on {
		return nil, nil //nolint:nilnil // a nil Tracer is one that is off
	}
	ctx := context.Background() // nothing is waited for
	exporter, err := otlptrace.New(ctx, clientOf(s.protocol))
	if err != nil {
		return nil, fmt.Errorf("preparing to send traces: %w", err)
	}
	described, err := describe(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("describing this process for traces: %w", err)
	}
	// Of the whole process, as the SDK has it: where errors of sending go.
	otel.SetErrorHandler(&complaints{log: log})
	log.Logger.AddHook(LogHook{})
	t := NewTracer(s.sampler, sdktrace.WithBatcher(exporter), sdktrace.WithResource(described))
	t.log = log
	return t, nil
}

func clientOf(protocol string) otlptrace.Client {
	if protocol == protocolGRPC {
		return otlptracegrpc.NewClient()
	}
	return otlptracehttp.NewClient()
}

func describe(ctx context.Context, p Process) (*resource.Resource, error) {
	return resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.namespace", "alphapulse"),
			attribute.String("service.name", "alphapulse-"+p.Service),
			attribute.String("service.instance.id", p.Name),
			attribute.String("service.version", p.Version),
		),
		resource.WithFromEnv())
}

// complainEvery is how often a failure that goes on is logged again.
const complainEvery = time.Minute

// complaints logs what the SDK has to say, of a failure that goes on once a
// minute.
type complaints struct {
	log  *logrus.Entry
	mu   sync.Mutex
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.last) >= complainEvery {
		c.last = now
		c.log.WithError(err).Warn("traces could not be sent; spans are lost until the collector answers")
	}
}
