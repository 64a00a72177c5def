package queue

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestTraceContextInHeaders(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	msg := nats.NewMsg("subject")
	(&TraceContext{}).write(msg)
	require.Empty(t, msg.Header, "without tracing there are no headers")

	var c TraceContext
	c.Set("traceparent", parent)
	c.Set("tracestate", "vendor=1")
	c.Set("baggage", "is nobody's business")
	require.Empty(t, c.Get("baggage"))
	require.Equal(t, []string{"traceparent", "tracestate"}, c.Keys())
	c.write(msg)
	require.Equal(t, c, traceContextOf(msg))

	require.Empty(t, traceContextOf(&nats.Msg{}))
	for name, header := range map[string]nats.Header{
		"a state alone": {"tracestate": {"vendor=1"}},
		"no trace":      {"traceparent": {strings.Repeat("x", longestTrace+1)}},
	} {
		require.Empty(t, traceContextOf(&nats.Msg{Header: header}), name)
	}
	long := nats.Header{"traceparent": {parent}, "tracestate": {strings.Repeat("x", longestTrace+1)}}
	require.Equal(t, TraceContext{Parent: parent}, traceContextOf(&nats.Msg{Header: long}))
}
