package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

func totals(open, done int32, rows, requests int64) *controlv1.Run {
	return &controlv1.Run{Totals: []*controlv1.TypeTotals{{
		DataType: "orders", Jobs: open + done, Queued: open, Succeeded: done, RowsFetched: rows, ExchangeRequests: requests,
	}}}
}

func TestHowFastARunGoes(t *testing.T) {
	t.Parallel()
	begin := date(0).AsTime()
	var p pace
	rows, requests, left := p.rates()
	require.Zero(t, rows+requests+float64(left), "one moment tells nothing")
	p.add(sampleOf(totals(100, 0, 0, 0), begin))
	p.add(sampleOf(totals(90, 10, 20000, 400), begin.Add(10*time.Second)))
	rows, requests, left = p.rates()
	require.InDelta(t, 2000, rows, 0)
	require.InDelta(t, 40, requests, 0)
	require.Equal(t, 90*time.Second, left)

	// What was long ago does not count.
	p.add(sampleOf(totals(90, 10, 20000, 400), begin.Add(20*time.Second)))
	p.add(sampleOf(totals(90, 10, 20000, 400), begin.Add(30*time.Second)))
	rows, _, left = p.rates()
	require.Zero(t, rows)
	require.Zero(t, left, "nobody can tell")
}

func TestLinesOfProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := program{stderr: &out}
	begin := date(0).AsTime()
	bar := p.historyProgress(false, "bybit")
	bar.showAt(totals(100, 0, 0, 0), begin)
	require.Contains(t, out.String(), "0 of 100 windows: orders, 0 rows")
	out.Reset()
	bar.showAt(totals(99, 1, 500, 10), begin.Add(time.Second))
	require.Empty(t, out.String(), "a line for each window would flood")
	bar.showAt(totals(90, 10, 12500, 250), begin.Add(10*time.Second))
	require.Equal(t, "10 of 100 windows: orders, 12,500 rows, 1,250 rows/s, 25.0 requests/s (50 % of the limit), 1m30s left\n", out.String())
	out.Reset()
	p.historyProgress(true, "bybit").showAt(totals(1, 0, 0, 0), begin)
	require.Empty(t, out.String(), "who asked for JSON gets nothing else")
}

func TestSpeedIsMeasuredFromTheFirstJobToTheLast(t *testing.T) {
	t.Parallel()
	one := totals(0, 10, 10000, 200).GetTotals()[0]
	require.Zero(t, speedOf("bybit", one, time.Now()).took)
	one.FirstStartedAt, one.LastFinishedAt = date(0), timestamppb.New(date(0).AsTime().Add(5*time.Second))
	s := speedOf("bybit", one, time.Now())
	require.Equal(t, 5*time.Second, s.took)
	require.InDelta(t, 2000, s.rows, 0)
	require.InDelta(t, 0.8, *s.rowsShare(), 0)
	require.InDelta(t, 0.8, *s.requestsShare(), 0)
	require.Equal(t, "80 %", percent(s.rowsShare()))
	require.Nil(t, speedOf("elsewhere", one, time.Now()).rowsShare(), "no limit is known")
	one.Queued, one.Jobs = 1, 11
	require.Equal(t, 10*time.Second, speedOf("bybit", one, date(0).AsTime().Add(10*time.Second)).took, "it is not over")
}
