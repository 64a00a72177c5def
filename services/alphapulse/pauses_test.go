package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
)

type createdView struct {
	Pauses    []pauseView `json:"pauses"`
	Schedules int32       `json:"schedules"`
	Jobs      int32       `json:"jobs"`
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Add(t, "main")
	sh := newShell(t, s, "USER=anna")
	require.Contains(t, sh.ok(t, "pauses").stdout, "Nothing is paused.")
	orders := []string{"pause", "--exchange", "bybit", "--type", "orders,fills", "--note", "they change the API"}
	require.Contains(t, sh.ok(t, append(orders, "--dry-run")...).stdout, "It would stop 2 schedules and 0 open jobs. Nothing was changed.")
	require.Empty(t, decode[pausesView](t, sh.ok(t, "pauses", "--json")).Pauses)

	out := sh.ok(t, append(orders, "--for", "2h")...).stdout
	require.Contains(t, out, "paused: bybit fills until ")
	require.Contains(t, out, "they change the API (by anna@")
	out = sh.ok(t, "pauses").stdout
	require.Contains(t, out, "bybit orders")
	require.Contains(t, out, "in force")
	list := decode[pausesView](t, sh.ok(t, "pauses", "--json")).Pauses
	require.Len(t, list, 2)
	require.True(t, list[0].InForce)

	status := sh.ok(t, "status").stdout
	require.Contains(t, status, "paused: bybit orders until ")
	require.Regexp(t, `main +orders .* paused`, status)
	require.NotRegexp(t, `main +balances .* paused`, status)
	refused := sh.run(t, "sync", "main")
	require.Equal(t, exitFailure, refused.code)
	require.Contains(t, refused.stderr, "orders are paused until")
	require.Contains(t, refused.stderr, "resume --id")

	require.Contains(t, sh.ok(t, "resume", "--type", "orders", "--dry-run").stdout, "would end: paused: bybit orders")
	require.Contains(t, sh.ok(t, "resume", "--type", "orders").stdout, "ended: paused: bybit orders")
	list = decode[pausesView](t, sh.ok(t, "pauses", "--json")).Pauses
	require.Len(t, list, 1)
	sh.ok(t, "resume", "--id", list[0].ID)
	gone := sh.run(t, "resume", "--id", list[0].ID)
	require.Equal(t, exitFailure, gone.code)
	require.Contains(t, gone.stderr, "alphapulse pauses")
	require.Contains(t, sh.ok(t, "resume", "--all").stdout, "Nothing is paused.")
}

func TestMaintenanceIsPlanned(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Add(t, "main")
	sh := newShell(t, s)
	planned := decode[createdView](t, sh.ok(t, "maintenance", "--exchange", "bybit", "--from", "2999-01-01T02:00:00Z", "--for", "3h", "--json"))
	require.Len(t, planned.Pauses, 1)
	require.False(t, planned.Pauses[0].InForce)
	require.Equal(t, "2999-01-01T05:00:00Z", planned.Pauses[0].Until.Format("2006-01-02T15:04:05Z07:00"))
	require.Positive(t, planned.Schedules)
	require.Contains(t, sh.ok(t, "pauses").stdout, "to come")
	require.Contains(t, sh.ok(t, "status", "main").stdout, "to be paused from 2999-01-01 02:00:00")
	sh.ok(t, "sync", "main") // it has not begun
	sh.ok(t, "resume", "--exchange", "bybit")
	require.Contains(t, sh.ok(t, "pauses").stdout, "Nothing is paused.")
}

func TestMistakesOfPause(t *testing.T) {
	t.Parallel()
	sh := newShell(t, apitest.New(t, quick))
	for _, args := range [][]string{
		{"pause", "--note", "x"},
		{"pause", "--all", "--exchange", "bybit", "--note", "x"},
		{"pause", "--exchange", "bybit"},
		{"pause", "--all", "--note", "x", "--for", "1h", "--until", "2999-01-01"},
		{"pause", "--all", "--note", "x", "--for", "-1h"},
		{"pause", "--all", "--note", "x", "--from", "2999-01-02", "--until", "2999-01-01"},
		{"maintenance", "--for", "1h"},
		{"maintenance", "--exchange", "bybit"},
		{"resume"},
		{"resume", "--all", "--type", "orders"},
		{"pauses", "list"},
	} {
		require.Equal(t, exitUsage, sh.run(t, args...).code, args)
	}
}
