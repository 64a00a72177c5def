package main

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// only fails some data types and lets the others succeed.
func only(failing ...syncjob.DataType) apitest.Answer {
	return func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		if slices.Contains(failing, job.DataType) {
			return &ledger.Outcome{Status: syncjob.Failed, Class: syncjob.Decode, Message: "not what was expected"}, nil
		}
		return apitest.Succeed(job)
	}
}

func TestSyncExitCodes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer apitest.Answer
		args   []string
		code   int
		status string
	}{
		"all succeed":  {apitest.Succeed, nil, exitOK, "succeeded"},
		"one fails":    {only(syncjob.Orders), nil, exitPartial, "partial"},
		"all fail":     {only(syncjob.All()...), nil, exitFailed, "failed"},
		"one, failing": {only(syncjob.Orders), []string{"--type", "orders"}, exitFailed, "failed"},
		"refused key":  {apitest.Refuse, []string{"--type", "balances,positions,orders"}, exitFailed, "failed"},
		"refused, all": {apitest.Refuse, nil, exitPartial, "partial"},
		"still going":  {apitest.Hold, []string{"--timeout", "300ms"}, exitRunning, "running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apitest.New(t)
			s.Add(t, "main")
			s.Work(test.answer)
			out := newShell(t, s).run(t, append([]string{"sync", "main", "--wait", "--json"}, test.args...)...)
			require.Equal(t, test.code, out.code, out.stderr)
			view := decode[syncView](t, out)
			require.Equal(t, test.status, view.Status)
			require.NotEmpty(t, view.RunID)
			for _, job := range view.Jobs {
				require.Equal(t, job.Status == "failed", job.ErrorClass != "", job)
			}
		})
	}
}

func TestSyncJSONHasExactlyTheseFields(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	s.Work(apitest.Succeed)
	out := newShell(t, s).ok(t, "sync", "main", "--wait", "--json")
	var document map[string]any
	require.NoError(t, json.Unmarshal([]byte(out.stdout), &document))
	require.ElementsMatch(t, []string{"run_id", "status", "jobs"}, slices.Collect(maps.Keys(document)))
	jobs, ok := document["jobs"].([]any)
	require.True(t, ok)
	require.Len(t, jobs, 4)
	for i, want := range []string{"balances", "positions", "orders", "prices"} {
		job, ok := jobs[i].(map[string]any)
		require.True(t, ok)
		require.Equal(t, want, job["data_type"])
		require.ElementsMatch(t, []string{"data_type", "status", "rows_changed", "error_class", "error_message"},
			slices.Collect(maps.Keys(job)))
	}
	require.Empty(t, out.stderr)
}

func TestSyncForPeople(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	sh := newShell(t, s)

	out := sh.ok(t, "sync", "main", "--dry-run")
	require.Contains(t, out.stdout, "Nothing was started")
	require.Contains(t, out.stdout, "would start a run, for balances, positions, orders, prices")
	planned := decode[syncView](t, sh.ok(t, "sync", "main", "--type", "orders", "--dry-run", "--json"))
	require.Equal(t, syncView{Status: "planned", Jobs: []syncJobView{{DataType: "orders", Status: "planned"}}}, planned)

	out = sh.ok(t, "sync", "main")
	require.Contains(t, out.stdout, "has started.")
	require.Contains(t, out.stdout, "runs show")
	require.Contains(t, sh.ok(t, "sync", "main").stdout, "Joined run")

	s.Work(only(syncjob.Positions))
	out = sh.run(t, "sync", "main", "--wait")
	require.Equal(t, exitPartial, out.code)
	require.Contains(t, out.stdout, ": partial in ")
	require.Contains(t, out.stdout, "decode: not what was expected")
	require.Contains(t, out.stderr, "positions: failed decode: not what was expected", "progress in plain lines")
	require.NotContains(t, out.stderr, "\x1b")
}

func TestSyncSaysWhatToDoAboutARefusedKey(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	s.Work(apitest.Refuse)
	sh := newShell(t, s)
	for range 2 { // the second time the account needs attention already
		out := sh.run(t, "sync", "main", "--wait", "--type", "balances")
		require.Equal(t, exitFailed, out.code)
		require.Contains(t, out.stdout, "auth: ")
		require.Contains(t, out.stderr, "accounts set-key main")
	}
}

func TestSyncWaitsForTheProbeOfAPendingAccount(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	sh := newShell(t, s).withKey()
	out := sh.run(t, addArgs("main", "--timeout", "100ms")...)
	require.Equal(t, exitFailure, out.code)

	out = sh.run(t, "sync", "main", "--wait", "--timeout", "300ms", "--json")
	require.Equal(t, exitRunning, out.code)
	require.Equal(t, "probe", decode[syncView](t, out).Jobs[0].DataType, "it is the probe that is still running")
	require.Contains(t, sh.run(t, "sync", "main", "--wait", "--timeout", "300ms").stderr, "Waiting for the probe")

	s.Work(apitest.Succeed)
	out = sh.ok(t, "sync", "main", "--wait")
	require.Contains(t, out.stdout, "succeeded")
}

func TestSyncOfAnAccountWhoseProbeFailed(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Work(apitest.Refuse)
	sh := newShell(t, s).withKey()
	sh.run(t, addArgs("main")...)
	out := sh.run(t, "sync", "main", "--wait")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "no probe of its key has passed: API key is invalid.")
	require.Contains(t, out.stderr, "set-key main")
	out = sh.run(t, "sync", "nobody")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "there is no account \"nobody\"")
	require.Contains(t, out.stderr, "accounts list")
}

func TestRunsAreListedShownAndCancelled(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	sh := newShell(t, s)
	started := decode[syncView](t, sh.ok(t, "sync", "main", "--json"))
	require.Equal(t, "running", started.Status)

	shown := decode[runView](t, sh.ok(t, "runs", "show", started.RunID, "--json"))
	require.Equal(t, "manual", shown.Trigger)
	require.Len(t, shown.Jobs, 4)
	require.Contains(t, sh.ok(t, "runs", "show", started.RunID).stdout, "of main: running")
	require.Contains(t, sh.ok(t, "runs", "cancel", started.RunID).stdout, "cancelled by a person")
	require.Equal(t, "cancelled", decode[runView](t, sh.ok(t, "runs", "show", started.RunID, "--watch", "--json")).Status)

	type page struct {
		Runs []runView `json:"runs"`
		Next string    `json:"next_page_token"`
	}
	first := decode[page](t, sh.ok(t, "runs", "list", "--account", "main", "--limit", "2", "--json"))
	require.Len(t, first.Runs, 2)
	require.NotEmpty(t, first.Next)
	second := decode[page](t, sh.ok(t, "runs", "list", "--account", "main", "--limit", "2", "--page", first.Next, "--json"))
	require.Len(t, second.Runs, 1)
	require.Empty(t, second.Next)
	require.Contains(t, sh.ok(t, "runs", "list", "--limit", "1").stdout, "--page")
	require.Contains(t, sh.ok(t, "runs", "list", "--status", "expired").stdout, "no such runs")

	out := sh.run(t, "runs", "list", "--status", "happy")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "use one of running, succeeded")
	require.Equal(t, exitFailure, sh.run(t, "runs", "show", "nonsense").code)
}
