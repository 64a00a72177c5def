// Package tracing records what the fleet does as OpenTelemetry traces, and sends
// them by OTLP to wherever the standard environment variables say. Without such
// a variable nothing is recorded and nothing is sent.
//
// A run is a trace. The trace's id and its first span's id follow from the run's
// id, so that every process knows them at any time without having been told: a
// job that is published again after a crash, or folded by a sweep after its
// result was lost, is in the same trace as what came before. Whether a trace is
// recorded follows from its id too, so that all processes with the same sampler
// agree.
//
// Within a trace the order of things travels in the headers of messages, as W3C
// trace context: what a worker does is below the publication that it answers, and
// a fold below the report that brought it about. A header that names another
// trace than that of the message's run is not believed.
//
// The first span, which is the run itself, is written by whoever ends the run:
// until then a trace lacks its top. Traces are for looking; nothing depends on
// them. What a process has not sent when it is killed is lost, and one that
// cannot send drops what is old.
//
// Exporters read addresses, headers, certificates and timeouts from the
// process's environment by themselves. Values of headers, which may be secrets,
// are in no message of theirs and none of ours.
package tracing
