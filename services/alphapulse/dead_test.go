package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

type deadList struct {
	Letters []letterView `json:"letters"`
	Total   int64        `json:"total"`
	Next    string       `json:"next_page_token"`
}

func TestDeadLettersOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	account := s.Add(t, "main")
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "dead", "list").stdout, "no such dead letters")
	require.Contains(t, sh.ok(t, "dead", "requeue", "--all").stdout, "no such dead letters")
	first, second := s.Dead(t, account, syncjob.Balances), s.Dead(t, account, syncjob.Positions)

	out := sh.ok(t, "dead", "list").stdout
	for _, words := range []string{first, second, "main", "transient", "attempt 3 broke", "manual"} {
		require.Contains(t, out, words)
	}
	page := decode[deadList](t, sh.ok(t, "dead", "list", "--limit", "1", "--json"))
	require.EqualValues(t, 2, page.Total)
	require.Equal(t, second, page.Letters[0].JobID)
	page = decode[deadList](t, sh.ok(t, "dead", "list", "--limit", "1", "--page", page.Next, "--json"))
	require.Equal(t, first, page.Letters[0].JobID)
	require.Empty(t, page.Next)

	shown := sh.ok(t, "dead", "show", first).stdout
	for _, words := range []string{"attempt 1 broke", "attempt 2 broke", "attempt 3 broke", "what is now, in lane live", "3 attempts"} {
		require.Contains(t, shown, words)
	}
	require.Len(t, decode[deadView](t, sh.ok(t, "dead", "show", first, "--json")).Attempts, 3)

	dry := decode[requeuedView](t, sh.ok(t, "dead", "requeue", "--type", "balances", "--dry-run", "--json"))
	require.Len(t, dry.Decisions, 1)
	require.Equal(t, "requeue", dry.Decisions[0].Action)
	require.Empty(t, dry.Runs)
	done := sh.ok(t, "dead", "requeue", "--type", "balances", "--note", "mended").stdout
	require.Contains(t, done, "1 letter dealt with, 0 refused.")
	require.Contains(t, done, "alphapulse runs show")
	again := sh.run(t, "dead", "requeue", first)
	require.Equal(t, exitFailure, again.code)
	require.Contains(t, again.stdout, "which is queued")
	require.Contains(t, sh.ok(t, "dead", "show", first).stdout, "requeued, queued by loopback")

	require.Contains(t, sh.ok(t, "dead", "discard", second, "--dry-run").stdout, "Nothing was done.")
	require.Len(t, decode[discardedView](t, sh.ok(t, "dead", "discard", second, "--json")).Decisions, 1)
	require.Contains(t, sh.ok(t, "dead", "list").stdout, "no such dead letters")
	require.Contains(t, sh.ok(t, "dead", "list", "--resolved").stdout, "discarded")
}

func TestTableAndStreamAreComparedOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	dead := s.Dead(t, s.Add(t, "main"), syncjob.Balances)
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "dead", "list", "--check").stdout, "1 dead job not announced yet")
	require.NoError(t, s.Ledger.JobsAnnounced(t.Context(), []string{dead}))
	out := sh.run(t, "dead", "list", "--check", "--json")
	require.Equal(t, exitFailure, out.code)
	require.Equal(t, []string{dead}, decode[checkedView](t, out).Missing)
	require.Contains(t, sh.ok(t, "dead", "list", "--check", "--announce").stdout, "1 dead job put back")
}

func TestDeadRefusesWrongUse(t *testing.T) {
	t.Parallel()
	sh := shell{[]string{"ALPHAPULSE_API=http://127.0.0.1:1"}, t.Context()}
	for _, args := range [][]string{
		{"dead", "requeue"},
		{"dead", "requeue", "x", "--all"},
		{"dead", "discard", "--all", "--class", "lost"},
		{"dead", "list", "--limit", "0"},
		{"dead", "list", "--announce"},
		{"dead", "list", "--since", "yesterday"},
		{"dead", "show"},
	} {
		require.Equal(t, exitUsage, sh.run(t, args...).code, args)
	}
}
