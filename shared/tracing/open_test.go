package tracing_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"

	"github.com/alphapulse/alphapulse/shared/tracing"
)

func read(variables map[string]string) (tracing.Settings, error) {
	return tracing.ReadSettings(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})
}

func TestWhatTurnsTracesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		variables map[string]string
		on        bool
	}{
		"nothing":           {nil, false},
		"an empty endpoint": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, false},
		"an endpoint":       {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, true},
		"one for traces":    {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, true},
		"an exporter":       {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true},
		"no exporter":       {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, false},
		"disabled":          {map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, false},
		"grpc, and a tenth": {map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
			"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1",
		}, true},
	} {
		settings, err := read(c.variables)
		require.NoError(t, err, name)
		require.Equal(t, c.on, settings.On(), name)
	}
}

// Every mistake is named at once.
func TestWrongVariables(t *testing.T) {
	t.Parallel()
	_, err := read(map[string]string{
		"OTEL_TRACES_EXPORTER": "jaeger", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
		"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "NaN",
	})
	require.ErrorContains(t, err, `OTEL_TRACES_EXPORTER is "jaeger": want otlp or none`)
	require.ErrorContains(t, err, `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json": want http/protobuf or grpc`)
	require.ErrorContains(t, err, `OTEL_TRACES_SAMPLER_ARG is "NaN"`)
	_, err = read(map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_TRACES_SAMPLER": "sometimes"})
	require.ErrorContains(t, err, `OTEL_TRACES_SAMPLER is "sometimes"`)
}

// Lines that name a run carry its trace once traces are on, and others are left as
// they are. What cannot be sent is told, and not with every try.
func TestTheLogCarriesTheTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := logrus.New()
	logger.SetOutput(&out)
	log := logger.WithField("service", "worker")
	off, err := tracing.Open(tracing.Settings{}, tracing.Process{}, log)
	require.NoError(t, err)
	require.Nil(t, off)
	log.WithField("run_id", run).Info("before")
	require.NotContains(t, out.String(), "trace_id")

	settings, err := read(map[string]string{"OTEL_TRACES_EXPORTER": "otlp"})
	require.NoError(t, err)
	tracer, err := tracing.Open(settings, tracing.Process{Service: "worker", Name: "w-1"}, log)
	require.NoError(t, err)
	defer tracer.Close()
	require.True(t, tracer.On())
	out.Reset()
	entry := log.WithField("run_id", run)
	entry.Info("claimed")
	require.Contains(t, out.String(), "trace_id="+tracing.TraceID(run).String())
	require.NotContains(t, entry.Data, "trace_id", "the entry is its owner's")
	out.Reset()
	log.WithField("run_id", "none").Info("odd")
	log.Info("started")
	require.NotContains(t, out.String(), "trace_id")

	out.Reset()
	for range 3 {
		otel.Handle(errors.New("the collector is away"))
	}
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("the collector is away")))
}
