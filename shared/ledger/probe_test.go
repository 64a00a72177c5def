package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// scheduledProbe plans the daily probe of an account and nothing else, and
// claims it.
func (b bundle) scheduledProbe() *Claimed {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.schedules SET enabled = data_type = 'probe', next_at = clock_timestamp()`)
	planned, err := b.PlanDue(b.ctx(), syncjob.Account, 10)
	require.NoError(b.t, err)
	require.Equal(b.t, Planned{Runs: 1, Jobs: 1}, planned)
	runs, err := b.Runs(b.ctx(), RunFilter{Trigger: syncjob.Schedule, Limit: 1})
	require.NoError(b.t, err)
	require.Equal(b.t, []string{"probe"}, runs[0].Types)
	require.Equal(b.t, time.Minute, runs[0].DeadlineAt.Sub(*runs[0].StartedAt).Round(time.Second))
	return b.claim(b.jobOf(runs[0].ID, syncjob.Probe))
}

func TestTheDailyProbeBringsWhatIsKnownOfTheKeyUpToDate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.scheduledProbe()
	require.Equal(t, 1, job.KeyVersion, "the key in use")
	require.Equal(t, []byte{1}, job.Sealed)
	found := facts()
	found.Mode, found.ParentUID, found.ExpiresAt = "unified2", "7", day(0)
	_, err := b.CommitProbe(t.Context(), job, succeeded(), found)
	require.NoError(t, err)
	require.Equal(t, syncjob.RunSucceeded, b.fold(job.RunID).Status)
	account = b.account(account.ID)
	require.Equal(t, AccountActive, account.Status)
	require.Equal(t, "unified2", account.AccountMode, "a change of mode")
	require.Equal(t, "7", account.ParentUID)
	require.False(t, account.IsMaster)
	require.Equal(t, day(0), account.KeyExpiresAt.UTC())
	require.Empty(t, b.openRuns(account.ID), "no initial run: it was active")
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_state WHERE data_type = 'probe'`))
}

func TestADailyProbeThatFailsDecidesByItsReason(t *testing.T) {
	t.Parallel()
	otherOwner := Outcome{
		Status: syncjob.Failed, Class: syncjob.Permission, Code: CodeOtherOwner, Message: "the key belongs to UID 43, not 42",
	}
	writeKey := Outcome{Status: syncjob.Failed, Class: syncjob.Permission, Code: "key_can_write", Message: "it can trade"}
	for name, test := range map[string]struct {
		out    Outcome
		status AccountStatus
		reason string
	}{
		"transient":       {failed(syncjob.Transient), AccountActive, ""},
		"tried again":     {retry(syncjob.Transient), AccountActive, ""},
		"another refusal": {writeKey, AccountActive, ""},
		"refused key":     {failed(syncjob.Auth), AccountNeedsAttention, "it broke"},
		"other owner":     {otherOwner, AccountNeedsAttention, "the key belongs to UID 43, not 42"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			account := b.active("main")
			_, err := b.CommitProbe(t.Context(), b.scheduledProbe(), test.out, nil)
			require.NoError(t, err)
			account = b.account(account.ID)
			require.Equal(t, test.status, account.Status)
			require.Equal(t, test.reason, account.Reason)
			require.Equal(t, 1, b.versions(account.ID), "the key stays")
		})
	}
}

func TestADailyProbeThatNobodyAnswersMeansNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.scheduledProbe()
	b.deadlineIn(job.RunID, "-1 second")
	require.Equal(t, 1, b.overdue())
	require.Equal(t, AccountActive, b.account(account.ID).Status)
	require.Empty(t, b.account(account.ID).Reason)
}

// Only a probe that was asked for brings an account back.
func TestADailyProbeBringsNoAccountBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.scheduledProbe()
	b.exec(`UPDATE alphapulse.accounts SET status = 'needs_attention', reason = 'refused'`)
	_, err := b.CommitProbe(t.Context(), job, succeeded(), facts())
	require.NoError(t, err)
	require.Equal(t, AccountNeedsAttention, b.account(account.ID).Status)

	b.exec(`UPDATE alphapulse.accounts SET status = 'active', reason = ''`)
	late := b.planned(account, syncjob.Probe)
	b.exec(`UPDATE alphapulse.accounts SET status = 'needs_attention', reason = 'refused'`)
	refusal := b.refused(late)
	require.Equal(t, Inactive, refusal.Answer)
	require.Equal(t, syncjob.Failed, refusal.Status)
	b.makeDue("0")
	planned, err := b.PlanDue(t.Context(), syncjob.Account, 10)
	require.NoError(t, err)
	require.Zero(t, planned.Jobs, "a refused key is not asked about again")
}

// A person who sets a key does not wait for the daily probe of the old one.
func TestAProbeThatIsAskedForEndsTheDailyOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	daily := b.scheduledProbe()
	run := b.setKey(account)
	ended, err := b.Run(t.Context(), daily.RunID)
	require.NoError(t, err)
	require.Equal(t, syncjob.RunCancelled, ended.Status)
	b.pass(run)
	require.Equal(t, 2, b.account(account.ID).KeyVersion)
	settled, err := b.CommitProbe(t.Context(), daily, failed(syncjob.Auth), nil)
	require.NoError(t, err)
	require.False(t, settled.Applied)
	require.Equal(t, AccountActive, b.account(account.ID).Status)
}

func TestARefusedCandidateOfAnotherOwnerStopsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.claim(b.jobOf(b.setKey(account).ID, syncjob.Probe))
	out := failed(syncjob.Permission)
	out.Code = CodeOtherOwner
	_, err := b.CommitProbe(t.Context(), job, out, nil)
	require.NoError(t, err)
	require.Equal(t, AccountActive, b.account(account.ID).Status, "the key in use is another one")
	require.Equal(t, 1, b.versions(account.ID))
}

func TestTheExpectedUIDIsWhatAFirstProbeIsComparedWith(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, run, err := b.AddAccount(t.Context(), NewAccount{
		Name: "sub", Market: testMarket(), Seal: seal, ExpectUID: "4711",
	})
	require.NoError(t, err)
	require.Equal(t, "4711", account.ExpectUID)
	require.Empty(t, account.ExchangeUID)
	job := b.claim(b.jobOf(run.ID, syncjob.Probe))
	require.Equal(t, "4711", job.ExchangeUID)
	found := facts()
	found.UID, found.IsMaster = "4711", true
	_, err = b.CommitProbe(t.Context(), job, succeeded(), found)
	require.NoError(t, err)
	account = b.account(account.ID)
	require.Equal(t, "4711", account.ExchangeUID)
	require.True(t, account.IsMaster)
}
