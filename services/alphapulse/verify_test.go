package main

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// drifting answers verifying jobs as if there were drift until a repair has run,
// if one mends it.
func drifting(t *testing.T, s *apitest.Server, mends bool) apitest.Answer {
	t.Helper()
	var mended atomic.Bool
	return func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		switch {
		case job.Trigger == syncjob.Repair:
			mended.Store(mends)
		case job.Trigger == syncjob.TriggerVerify && !mended.Load():
			s.Drift(t, job)
		}
		return apitest.Succeed(job)
	}
}

func TestVerifyListsDrift(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Add(t, "main")
	s.Work(drifting(t, s, false))
	sh := newShell(t, s)
	out := sh.run(t, "verify", "main", "--type", "balances")
	require.Equal(t, exitDrift, out.code)
	for _, words := range []string{
		"unified/BTC", "changed", "total", "1.5", "2.5", "not stored", "not at the exchange",
		"compared 10 rows: 2 moved on since the last sync, 3 drifted",
	} {
		require.Contains(t, out.stdout, words)
	}
	require.Contains(t, out.stderr, "alphapulse verify main --repair")
	require.Contains(t, sh.ok(t, "status", "main").stdout, "found drift in 3 rows; `alphapulse verify main --repair`")

	out = sh.run(t, "verify", "main", "--type", "balances", "--json")
	require.Equal(t, exitDrift, out.code)
	view := decode[verifyView](t, out)
	require.Equal(t, "succeeded", view.Status)
	require.EqualValues(t, 2, view.Moved)
	require.Len(t, view.Drift, 3)
	require.Equal(t, "1.5", *view.Drift[0].Stored)
	require.Nil(t, view.Drift[1].Stored)

	out = sh.run(t, "verify", "main", "--type", "balances", "--repair")
	require.Equal(t, exitDrift, out.code)
	require.Contains(t, out.stderr, "did not mend everything")
}

func TestVerifyRepairs(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Add(t, "main")
	fleet := s.Work(drifting(t, s, true))
	sh := newShell(t, s)
	out := sh.ok(t, "verify", "main", "--type", "balances", "--repair")
	require.Contains(t, out.stdout, "unified/BTC", "what was found is shown")
	require.Contains(t, out.stdout, "and verified again: no drift")
	require.NotContains(t, sh.ok(t, "status", "main").stdout, "drift")

	fleet.Set(drifting(t, s, true))
	view := decode[verifyView](t, sh.ok(t, "verify", "main", "--type", "balances", "--repair", "--json"))
	require.NotEmpty(t, view.RepairRunID)
	require.NotEmpty(t, view.AgainRunID)
	require.Empty(t, view.Drift)
	require.Contains(t, sh.ok(t, "verify", "main", "--type", "all").stdout, "No drift.")
}

func TestVerifySaysWhenItCouldNotCompare(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Add(t, "main")
	sh := newShell(t, s)
	out := sh.run(t, "verify", "main", "--type", "balances", "--timeout", "200ms", "--json")
	require.Equal(t, exitRunning, out.code)
	require.Contains(t, out.stderr, "still running after 200ms")
	require.Equal(t, "running", decode[verifyView](t, out).Status)

	s.Work(only(syncjob.Balances))
	out = sh.run(t, "verify", "main", "--type", "balances")
	require.Equal(t, exitFailed, out.code)
	require.Contains(t, out.stdout, "decode: not what was expected")
	require.Contains(t, out.stderr, "not everything could")
	out = sh.run(t, "verify", "main", "--type", "ledger")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "nothing is stored that was asked for")
	require.Contains(t, out.stderr, "alphapulse coverage main")
}
