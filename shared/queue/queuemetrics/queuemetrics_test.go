package queuemetrics_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/metrics/metricstest"
	"github.com/alphapulse/alphapulse/shared/queue/queuemetrics"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestBrokerLostAndFound(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	q := server.Queue()
	require.NoError(t, q.Await(t.Context()))
	registry := prometheus.NewPedanticRegistry()
	queuemetrics.Register(registry, q)
	value := func(name string) int { return metricstest.Count(t, registry, name) }
	require.Equal(t, 1, value("alphapulse_broker_connected"))
	require.Zero(t, value("alphapulse_broker_unworked_messages_total"))
	server.Stop()
	require.Eventually(t, func() bool { return value("alphapulse_broker_connected") == 0 }, 30*time.Second, time.Millisecond)
	server.Start()
	require.Eventually(t, func() bool { return value("alphapulse_broker_connected") == 1 }, 30*time.Second, time.Millisecond)
	require.Equal(t, 1, value("alphapulse_broker_reconnects_total"))
	metricstest.Lint(t, metricstest.Gather(t, registry))
}

func TestNothingIsMeasuredWithoutARegistry(t *testing.T) {
	t.Parallel()
	queuemetrics.Register(nil, nil)
}
