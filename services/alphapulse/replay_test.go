package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func anHourAgo() string { return time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) }

func TestReplayOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "replay", "list").stdout, "no replays")
	args := []string{"replay", "--since", anHourAgo(), "--account", "main", "--type", "balances,positions", "--note", "rows are gone"}
	dry := sh.ok(t, append(args, "--dry-run")...).stdout
	for _, words := range []string{"sync.job.live.bybit.testnet.balances.", "main", "out of its reach, taken from the tables", "Nothing was started."} {
		require.Contains(t, dry, words)
	}
	planned := decode[replayView](t, sh.ok(t, append(args, "--dry-run", "--json")...))
	require.Equal(t, "planned", planned.Status)
	require.Positive(t, planned.FromTables)

	out := sh.ok(t, args...).stdout
	require.Contains(t, out, "alphapulse replay show")
	id := decode[replayView](t, sh.ok(t, append(args, "--json")...)).ID
	running := sh.run(t, "replay", "show", id, "--wait", "--timeout", "300ms")
	require.Equal(t, exitRunning, running.code)
	require.Contains(t, running.stderr, "is still running after 300ms; it goes on")
	s.Replays(t, 3)
	s.Work(apitest.Succeed)
	require.Eventually(t, func() bool {
		s.Replays(t, 1)
		return !strings.Contains(sh.ok(t, "replay", "list").stdout, "running")
	}, time.Minute, 50*time.Millisecond)
	done := sh.ok(t, "replay", "show", id, "--wait")
	require.Contains(t, done.stdout, "2 replayed")
	require.Contains(t, done.stdout, ": finished.")
	require.Contains(t, done.stderr, " jobs: finished")
	view := decode[replayView](t, sh.ok(t, "replay", "show", id, "--json"))
	require.Equal(t, view.Replayed, view.Progress.Succeeded)
	require.Len(t, view.Runs, 1)
	require.Equal(t, "rows are gone", view.Note)
	again := sh.run(t, "replay", "cancel", id)
	require.Equal(t, exitFailure, again.code)
	require.Contains(t, again.stderr, "is finished already")
}

func TestAReplayThatGoesWrongSaysSo(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	account := s.Add(t, "main")
	s.Dead(t, account, syncjob.Balances)
	sh := newShell(t, s)
	args := []string{"replay", "--since", anHourAgo(), "--status", "dead", "--json"}
	failing := decode[replayView](t, sh.ok(t, args...)).ID
	s.Replays(t, 2)
	s.Work(apitest.Fail(syncjob.Decode, "not what was expected"))
	require.Eventually(t, func() bool {
		s.Replays(t, 1)
		return sh.run(t, "replay", "show", failing, "--wait", "--timeout", "100ms", "--json").code == exitFailed
	}, time.Minute, 50*time.Millisecond)
	cancelled := decode[replayView](t, sh.ok(t, "replay", "--since", anHourAgo(), "--json")).ID
	require.Contains(t, sh.ok(t, "replay", "cancel", cancelled).stdout, ": cancelled.")
	require.Equal(t, exitFailed, sh.run(t, "replay", "show", cancelled, "--wait").code)
}

func TestCtrlCLeavesAReplayRunning(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	sh := newShell(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &screen{wrote: func(text string) {
		if strings.Contains(text, "planning") {
			cancel()
		}
	}}
	p := program{
		environ: sh.environ, stdin: strings.NewReader(""), stdout: &screen{}, stderr: stderr,
		args: []string{"replay", "--since", anHourAgo(), "--wait"},
	}
	require.Equal(t, exitFailure, p.run(ctx))
	require.Contains(t, stderr.String(), "interrupted: replay ")
	require.Contains(t, stderr.String(), "alphapulse replay cancel")
	list, err := s.Ledger.Replays(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, ledger.ReplayPlanning, list[0].Status)
}

func TestReplayRefusesWrongUse(t *testing.T) {
	t.Parallel()
	sh := shell{[]string{"ALPHAPULSE_API=http://127.0.0.1:1"}, t.Context()}
	for _, args := range [][]string{
		{"replay"},
		{"replay", "everything"},
		{"replay", "--since", "yesterday"},
		{"replay", "--seq", "9-8"},
		{"replay", "--seq", "9"},
		{"replay", "--seq", "0-8"},
		{"replay", "--since", "2025-01-31", "--status", "lost"},
		{"replay", "--since", "2025-01-31", "--rate", "0"},
		{"replay", "--since", "2025-01-31", "--until", "2025-01-30"},
		{"replay", "--since", "2025-01-31", "--type", "dreams"},
		{"replay", "list", "--limit", "0"},
		{"replay", "show"},
		{"replay", "cancel"},
	} {
		require.Equal(t, exitUsage, sh.run(t, args...).code, args)
	}
}
