package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Add(t, "main")
	sh := newShell(t, s)
	require.Regexp(t, `main +bybit +testnet +balances +.* on +`, sh.ok(t, "schedule", "list").stdout)
	require.Regexp(t, `balances +7\.0s`, sh.ok(t, "schedule", "set", "main", "--type", "balances,orders", "--every", "7s").stdout)
	set := decode[schedulesView](t, sh.ok(t, "schedule", "set", "--exchange", "bybit", "--type", "orders", "--disable", "--json"))
	require.Len(t, set.Schedules, 1)
	require.False(t, set.Schedules[0].Enabled)
	require.InDelta(t, 7, set.Schedules[0].EverySeconds, 0)
	status := sh.ok(t, "status", "main").stdout
	require.Regexp(t, `main +orders .* not scheduled`, status)
	require.Regexp(t, `main +balances .* 7\.0s`, status)
	require.Regexp(t, `orders .* off `, sh.ok(t, "schedule", "list", "main").stdout)
	sh.ok(t, "schedule", "set", "main", "--type", "orders", "--enable")
	require.NotContains(t, sh.ok(t, "status", "main").stdout, "not scheduled")
	for _, args := range [][]string{
		{"main", "--every", "7s"},
		{"main", "--type", "orders"},
		{"--type", "orders", "--every", "7s"},
		{"main", "--exchange", "bybit", "--type", "orders", "--every", "7s"},
		{"main", "--type", "orders", "--every", "-7s"},
		{"main", "--type", "orders", "--enable", "--disable"},
	} {
		require.Equal(t, exitUsage, sh.run(t, append([]string{"schedule", "set"}, args...)...).code, args)
	}
}
