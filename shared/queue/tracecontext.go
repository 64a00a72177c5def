package queue

import "github.com/nats-io/nats.go"

// The headers that carry a trace from one process to the next (W3C Trace
// Context).
const (
	headerTraceParent = "traceparent"
	headerTraceState  = "tracestate"
)

// longestTrace bounds what is taken over of a header: the standard asks for 512
// characters at most.
const longestTrace = 512

// TraceContext is the trace that a message belongs to. It is empty without
// tracing, never decides anything, and says nothing that is not in the message.
// It implements OpenTelemetry's carrier.
type TraceContext struct {
	Parent string // traceparent
	State  string // tracestate
}

// Get gives the value of a header; empty for any that is not ours.
func (c *TraceContext) Get(key string) string {
	switch key {
	case headerTraceParent:
		return c.Parent
	case headerTraceState:
		return c.State
	default:
		return ""
	}
}

// Set sets a header; any that is not ours is ignored.
func (c *TraceContext) Set(key, value string) {
	switch key {
	case headerTraceParent:
		c.Parent = value
	case headerTraceState:
		c.State = value
	}
}

// Keys lists the headers that are set.
func (c *TraceContext) Keys() []string {
	var keys []string
	for _, key := range []string{headerTraceParent, headerTraceState} {
		if c.Get(key) != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// write adds the headers to a message.
func (c *TraceContext) write(msg *nats.Msg) {
	for _, key := range c.Keys() {
		msg.Header.Set(key, c.Get(key))
	}
}

// traceContextOf reads the headers of a message. What is too long to be one is
// left out, and so is a state without a parent.
func traceContextOf(msg *nats.Msg) TraceContext {
	var c TraceContext
	if c.Parent = msg.Header.Get(headerTraceParent); c.Parent == "" || len(c.Parent) > longestTrace {
		return TraceContext{}
	}
	if state := msg.Header.Get(headerTraceState); len(state) <= longestTrace {
		c.State = state
	}
	return c
}
