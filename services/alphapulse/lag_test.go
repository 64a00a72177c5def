package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestLag(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "lag").stdout, "no queues")
	account := s.Add(t, "main")
	_, _, err := s.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Orders})
	require.NoError(t, err)
	out := sh.ok(t, "lag").stdout
	require.Contains(t, out, "bybit-testnet-orders-live: the broker has no such queue")
	require.Contains(t, out, "bybit testnet")
	require.Contains(t, out, "OBJECTIVE")

	view := decode[lagView](t, sh.ok(t, "lag", "--type", "orders", "--lane", "live", "--account", "main", "--freshness", "2", "--json"))
	require.Len(t, view.Lanes, 1)
	require.Equal(t, "orders", view.Lanes[0].DataType)
	require.Nil(t, view.Lanes[0].Pending, "there is no such consumer")
	require.True(t, view.Lanes[0].Missing)
	require.EqualValues(t, 1, view.Lanes[0].Open)
	require.NotNil(t, view.Lanes[0].OldestAge)
	require.Len(t, view.Freshness, 2)

	c := queue.Consumer{Exchange: "bybit", Environment: "testnet", DataType: syncjob.Orders, Lane: syncjob.Live}
	_, err = s.Broker.Queue().EnsureConsumer(t.Context(), c, noneOpen)
	require.NoError(t, err)
	view = decode[lagView](t, sh.ok(t, "lag", "--type", "orders", "--freshness", "0", "--json"))
	require.False(t, view.Lanes[0].Missing)
	require.Zero(t, *view.Lanes[0].Pending)
	require.Zero(t, *view.Lanes[0].Drain, "nothing is pending")
	require.Empty(t, view.Freshness)

	s.Broker.Stop()
	require.Contains(t, sh.ok(t, "lag").stdout, "The broker does not answer")
	for _, wrong := range [][]string{
		{"lag", "orders"}, {"lag", "--interval", "1ms"}, {"lag", "--freshness", "-1"},
	} {
		require.Equal(t, exitUsage, sh.run(t, wrong...).code, wrong)
	}
	require.Contains(t, sh.run(t, "lag", "--lane", "fast").stderr, "live")
}

func TestSparkline(t *testing.T) {
	t.Parallel()
	var history []*controlv1.LagSample
	for _, n := range []uint64{0, 1, 50, 99, 100} {
		history = append(history, &controlv1.LagSample{Pending: n / 2, InFlight: n - n/2})
	}
	bars, most := sparkline(history)
	require.EqualValues(t, 100, most)
	require.Equal(t, " ▁▄▇█", bars, "something is never shown as nothing, and only the most is full")
	bars, most = sparkline(nil)
	require.Empty(t, bars)
	require.Zero(t, most)
	bars, _ = sparkline(history[:1])
	require.Empty(t, strings.TrimSpace(bars))
}

func noneOpen(context.Context) (uint64, error) { return 0, nil }
