package tracing

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The standard variables that decide about more than an exporter's details.
const (
	varDisabled       = "OTEL_SDK_DISABLED"
	varExporter       = "OTEL_TRACES_EXPORTER"
	varEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	varTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	varProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	varTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	varSampler        = "OTEL_TRACES_SAMPLER"
	varSamplerArg     = "OTEL_TRACES_SAMPLER_ARG"
)

// The protocols of OTLP that there are.
const (
	protocolHTTP = "http/protobuf"
	protocolGRPC = "grpc"
)

// Settings say whether traces are recorded, how many and where they go. The zero
// value is off.
type Settings struct {
	on       bool
	protocol string
	sampler  sdktrace.Sampler
}

// On reports whether anything is recorded.
func (s Settings) On() bool { return s.on }

// ReadSettings reads the standard variables through lookup, which is os.LookupEnv
// or the like, and names every mistake at once. Traces are on when an endpoint
// is set or OTEL_TRACES_EXPORTER is otlp.
func ReadSettings(lookup func(string) (string, bool)) (Settings, error) {
	get := func(names ...string) string {
		for _, name := range names {
			if value, ok := lookup(name); ok && value != "" {
				return value
			}
		}
		return ""
	}
	on, exporterErr := wanted(get(varDisabled), get(varExporter), get(varTracesEndpoint, varEndpoint))
	if exporterErr == nil && !on {
		return Settings{}, nil
	}
	protocol, protocolErr := protocolOf(get(varTracesProtocol, varProtocol))
	sampler, samplerErr := samplerOf(get(varSampler), get(varSamplerArg))
	if err := errors.Join(exporterErr, protocolErr, samplerErr); err != nil {
		return Settings{}, err
	}
	return Settings{on: on, protocol: protocol, sampler: sampler}, nil
}

// wanted: OpenTelemetry's own default is to send to this machine when nothing is
// said. Most have nobody listening there, so somebody must be named.
func wanted(disabled, exporter, endpoint string) (bool, error) {
	if strings.EqualFold(disabled, "true") {
		return false, nil
	}
	switch exporter {
	case "":
		return endpoint != "", nil
	case "otlp":
		return true, nil
	case "none":
		return false, nil
	default:
		return false, fmt.Errorf("%s is %q: want otlp or none", varExporter, exporter)
	}
}

func protocolOf(text string) (string, error) {
	switch text {
	case "", protocolHTTP:
		return protocolHTTP, nil
	case protocolGRPC:
		return protocolGRPC, nil
	default:
		return "", fmt.Errorf("%s is %q: want %s or %s", varProtocol, text, protocolHTTP, protocolGRPC)
	}
}

// samplerOf gives the sampler of whole traces. What lies within one is recorded
// as its trace is, with or without "parentbased" in the name.
func samplerOf(name, arg string) (sdktrace.Sampler, error) {
	switch strings.TrimPrefix(name, "parentbased_") {
	case "", "always_on":
		return sdktrace.AlwaysSample(), nil
	case "always_off":
		return sdktrace.NeverSample(), nil
	case "traceidratio":
		if arg == "" {
			return sdktrace.AlwaysSample(), nil
		}
		ratio, err := strconv.ParseFloat(arg, 64)
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return nil, fmt.Errorf("%s is %q: want a part of all traces such as 0.1", varSamplerArg, arg)
		}
		return sdktrace.TraceIDRatioBased(ratio), nil
	default:
		return nil, fmt.Errorf("%s is %q: want always_on, always_off or traceidratio, with or without parentbased_ before it", varSampler, name)
	}
}
