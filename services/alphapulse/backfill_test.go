package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// quick looks often at what nothing announces.
func quick(c *api.Config, _ *api.Deps) { c.PollInterval = 20 * time.Millisecond }

// backfillArgs asks for three weeks of fills: three windows.
func backfillArgs(more ...string) []string {
	return append([]string{"backfill", "main", "--type", "fills", "--since", "2026-01-05", "--until", "2026-01-26"}, more...)
}

// thousand reads a thousand rows for a job.
func thousand(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
	out, facts := apitest.Succeed(job)
	out.RowsFetched, out.Requests = 1000, 10
	return out, facts
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	account := s.Add(t, "main")
	s.Exec(t, `
INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered, horizon, unreadable) VALUES
  ($1, 'fills', 'linear', '{}', '2026-01-07Z', NULL), ($1, 'fills', 'option', '{}', NULL, 'permission: may not')`, account.ID)
	sh := newShell(t, s)

	out := sh.ok(t, backfillArgs("--dry-run")...).stdout
	for _, words := range []string{
		"fills", "2026-01-07 00:00:00 UTC", "2026-01-26 00:00:00 UTC", "50 requests/s", "5,000 rows/s", "3m20s",
		"Out of reach: fills linear 2026-01-05 00:00:00 UTC to 2026-01-07 00:00:00 UTC (2d00h)",
		"Not readable: fills option: permission: may not", "Nothing was started",
	} {
		require.Contains(t, out, words)
	}
	planned := decode[backfillView](t, sh.ok(t, backfillArgs("--dry-run", "--json")...))
	require.Equal(t, "planned", planned.Status)
	require.EqualValues(t, 3, planned.Plan[0].Windows)
	require.InDelta(t, 0.06, *planned.Plan[0].LeastSeconds, 1e-9)
	require.Equal(t, date(2).AsTime(), planned.OutOfReach[0].To)

	out = sh.ok(t, backfillArgs()...).stdout
	require.Contains(t, out, "reads 3 windows.")
	require.Contains(t, out, "alphapulse runs show")
	require.Contains(t, sh.ok(t, backfillArgs()...).stdout, "which has begun before, reads all of it")
	running := sh.run(t, backfillArgs("--wait", "--timeout", "300ms", "--json")...)
	require.Equal(t, exitRunning, running.code)
	require.Contains(t, running.stderr, "is still running after 300ms; it goes on")
	require.Equal(t, "running", decode[backfillView](t, running).Jobs[0].Status)

	done := sh.okWorking(t, "0 of 3 windows", func() { s.Work(thousand) }, backfillArgs("--wait")...)
	for _, words := range []string{"3,000", "REQUESTS/S", "OF LIMIT", "Limit of fills: 5,000 rows/s", "Out of reach", ": succeeded"} {
		require.Contains(t, done.stdout, words)
	}
	require.Contains(t, done.stderr, "of 3 windows: ", "plain lines where there is no terminal")
	require.NotContains(t, done.stderr, "\x1b")
}

func TestBackfillInJSON(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Add(t, "main")
	s.Work(func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		if job.Window.From.Equal(date(7).AsTime()) {
			return &ledger.Outcome{Status: syncjob.Failed, Class: syncjob.Decode, Message: "not what was expected"}, nil
		}
		return thousand(job)
	})
	sh := newShell(t, s)
	out := sh.run(t, backfillArgs("--wait", "--json")...)
	require.Equal(t, exitPartial, out.code, "one of three windows has failed")
	view := decode[backfillView](t, out)
	require.NotEmpty(t, view.RunID)
	require.Equal(t, "partial", view.Status)
	fills := view.Jobs[0]
	require.Equal(t, "partial", fills.Status)
	require.Equal(t, "decode", fills.ErrorClass)
	require.EqualValues(t, 3, fills.WindowsDone)
	require.EqualValues(t, 2000, fills.RowsFetched)
	require.EqualValues(t, 20, fills.Requests)
	require.Positive(t, fills.Seconds)
	require.InDelta(t, fills.Rows/5000, *fills.RowsShare, 1e-9)
	require.InDelta(t, fills.PerSecond/50, *fills.RequestsShare, 1e-9)
}

func TestNothingIsMissing(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	account := s.Add(t, "main")
	s.Exec(t, `
INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered) VALUES
  ($1, 'fills', 'linear', '{[2026-01-01Z,2026-02-01Z)}')`, account.ID)
	sh := newShell(t, s)
	for _, more := range [][]string{nil, {"--wait"}, {"--dry-run"}} {
		require.Contains(t, sh.ok(t, backfillArgs(more...)...).stdout, "Nothing is missing")
	}
	view := decode[backfillView](t, sh.ok(t, backfillArgs("--json", "--wait")...))
	require.Equal(t, "nothing_missing", view.Status)
	require.Empty(t, view.RunID)
}

func TestCtrlCLeavesABackfillRunning(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Add(t, "main")
	s.Work(apitest.Hold)
	sh := newShell(t, s)
	started := decode[backfillView](t, sh.ok(t, backfillArgs("--json")...))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The person presses it when the progress shows.
	stderr := &screen{wrote: func(text string) {
		if strings.Contains(text, "0 of 3 windows") {
			cancel()
		}
	}}
	p := program{
		environ: sh.environ, stdin: strings.NewReader(""), stdout: &screen{}, stderr: stderr, args: backfillArgs("--wait"),
	}
	require.Equal(t, exitFailure, p.run(ctx))
	require.Contains(t, stderr.String(), "interrupted: the backfill goes on as run "+started.RunID)
	require.Contains(t, stderr.String(), "alphapulse coverage main")
	run, err := s.Ledger.Run(t.Context(), started.RunID)
	require.NoError(t, err)
	require.Equal(t, syncjob.RunRunning, run.Status)
}

// A backfill of years is shown added up.
func TestARunOfManyJobsDoesNotFlood(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	sh := newShell(t, s)
	args := []string{"backfill", "main", "--type", "fills", "--since", "2024-01-05", "--until", "2026-01-05", "--json"}
	id := decode[backfillView](t, sh.ok(t, args...)).RunID
	out := sh.ok(t, "runs", "show", id).stdout
	require.Less(t, strings.Count(out, "\n"), 15)
	require.Contains(t, out, "0 of 10")
	require.Contains(t, out, "2024-01-05 00:00:00 UTC")
	require.Contains(t, out, "--jobs")
	require.Greater(t, strings.Count(sh.ok(t, "runs", "show", id, "--jobs").stdout, "\n"), 100)
	shown := decode[runView](t, sh.ok(t, "runs", "show", id, "--json"))
	require.Greater(t, len(shown.Jobs), 100)
	require.NotNil(t, shown.Jobs[0].Window)
	require.Equal(t, int32(len(shown.Jobs)), shown.Totals[0].Jobs)
	require.Less(t, strings.Count(sh.ok(t, "runs", "cancel", id).stdout, "\n"), 15)
}
