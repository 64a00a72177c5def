package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// later makes everything that has happened so far have happened that long ago.
func (b bundle) later(span string) {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.accounts SET created_at = created_at - $1::interval`, span)
	b.exec(`UPDATE alphapulse.sync_runs SET created_at = created_at - $1::interval, finished_at = finished_at - $1::interval`, span)
	b.exec(`UPDATE alphapulse.sync_jobs SET finished_at = finished_at - $1::interval`, span)
}

func (b bundle) probedAgain() int {
	b.t.Helper()
	n, err := b.ProbeAgain(b.ctx(), 10)
	require.NoError(b.t, err)
	return n
}

// expireProbe ends the open probe of an account by its deadline.
func (b bundle) expireProbe(account Account) {
	b.t.Helper()
	open := b.openRuns(account.ID)
	require.Len(b.t, open, 1)
	b.deadlineIn(open[0], "-1 second")
	require.Equal(b.t, 1, b.overdue())
}

func TestRule28AProbeThatNobodyAnsweredIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, _ := b.pending("main")
	require.Zero(t, b.probedAgain(), "the first is open")
	b.expireProbe(account)
	require.Zero(t, b.probedAgain(), "not at once")
	require.Equal(t, AccountPending, b.account(account.ID).Status)

	b.later("50 seconds")
	require.Equal(t, 1, b.probedAgain())
	require.Zero(t, b.probedAgain(), "one is open")
	b.expireProbe(account)
	b.later("45 seconds")
	require.Zero(t, b.probedAgain(), "it had been waiting for longer than that")
	b.later("1 hour")
	require.Equal(t, 1, b.probedAgain())

	open := b.openRuns(account.ID)
	run, err := b.Run(t.Context(), open[0])
	require.NoError(t, err)
	b.pass(run)
	require.Equal(t, AccountActive, b.account(account.ID).Status)
	b.later("2 hours")
	require.Zero(t, b.probedAgain(), "it is active")
}

// TestRule28TwoSchedulersProbeAgainOnce: both found the account before either
// started its probe.
func TestRule28TwoSchedulersProbeAgainOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, _ := b.pending("main")
	b.expireProbe(account)
	b.later("1 minute")
	var started int
	for range 2 {
		ok, err := b.probeAgain(t.Context(), account.ID)
		require.NoError(t, err)
		if ok {
			started++
		}
	}
	require.Equal(t, 1, started)
	require.Len(t, b.openRuns(account.ID), 1)
}

func TestRule28OnlyAProbeWithoutADecisionIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		do    func(b bundle, account Account, job string)
		again int
	}{
		"the exchange was away": {func(b bundle, _ Account, job string) {
			_, err := b.CommitProbe(b.ctx(), b.claim(job), failed(syncjob.Transient), nil)
			require.NoError(b.t, err)
		}, 1},
		"its workers died": {func(b bundle, _ Account, job string) {
			b.claim(job)
			b.exec(`UPDATE alphapulse.sync_jobs SET attempt = max_attempts, lease_until = clock_timestamp() WHERE id = $1`, job)
			_, err := b.TakeBackLost(b.ctx(), 10)
			require.NoError(b.t, err)
		}, 1},
		"the key was refused": {func(b bundle, _ Account, job string) {
			_, err := b.CommitProbe(b.ctx(), b.claim(job), failed(syncjob.Auth), nil)
			require.NoError(b.t, err)
		}, 0},
		"the key can trade": {func(b bundle, _ Account, job string) {
			_, err := b.CommitProbe(b.ctx(), b.claim(job), failed(syncjob.Permission), nil)
			require.NoError(b.t, err)
		}, 0},
		"somebody paused the account": {func(b bundle, account Account, _ string) {
			require.NoError(b.t, b.PauseAccount(b.ctx(), account.ID, ""))
		}, 0},
		"somebody removed the account": {func(b bundle, account Account, _ string) {
			require.NoError(b.t, b.RemoveAccount(b.ctx(), account.ID))
		}, 0},
		"somebody cancelled the probe": {func(b bundle, account Account, _ string) {
			err := b.EndRun(b.ctx(), b.openRuns(account.ID)[0], syncjob.CancelUser)
			require.NoError(b.t, err)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			account, run := b.pending("main")
			test.do(b, account, b.jobOf(run.ID, syncjob.Probe))
			b.fold(run.ID)
			b.later("1 hour")
			require.Equal(t, test.again, b.probedAgain())
		})
	}
}

// A month of runs costs a pending account no more than a day of them.
func TestProbingAgainReadsNoTableOfRunsAsAWhole(t *testing.T) {
	t.Parallel()
	b := setup(t).single()
	b.aged()
	account, _ := b.pending("main")
	b.expireProbe(account)
	require.Zero(t, b.probedAgain(), "what is needed is read once")
	for range 7 { // from the sixth on, a prepared statement may use a plan for all values
		before := b.scans()
		require.Zero(t, b.probedAgain())
		after := b.scans()
		for _, table := range []string{"sync_jobs", "sync_runs"} {
			require.Equal(t, before[table], after[table], "it reads all of %s", table)
		}
	}
}
