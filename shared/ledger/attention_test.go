package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// verified makes a run of an account's past that has ended, with so many jobs
// and rows that drifted, so many minutes after the first of January 2026.
func (b bundle) verified(account Account, trigger syncjob.Trigger, minute, jobs, drifted int, params any) string {
	b.t.Helper()
	var id string
	row := b.db.QueryRow(b.ctx(), `
INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, status, jobs_total, started_at, finished_at, announced_at)
SELECT $1, '{balances}', $2, 'succeeded', $4, t, t, t
FROM (SELECT timestamptz '2026-01-01Z' + make_interval(mins => $3) AS t) s RETURNING id`, account.ID, string(trigger), minute, jobs)
	require.NoError(b.t, row.Scan(&id))
	b.exec(`
WITH j AS (
    INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, status, finished_at, params)
    VALUES ($1, $2, 'balances', 'backfill', $3, 'c', 5, 'succeeded', clock_timestamp(), $5) RETURNING id),
v AS (
    INSERT INTO alphapulse.verifications (job_id, scope, rows_compared, rows_drifted)
    SELECT id, 'unified', 100, $4 FROM j WHERE $3 = 'verify')
INSERT INTO alphapulse.drift (job_id, account_id, data_type, scope, row_key, kind)
SELECT j.id, $2, 'balances', 'unified', n::text, 'extra' FROM j, generate_series(1, $4) n`, id, account.ID, string(trigger), drifted, params)
	return id
}

func (b bundle) attention(name string) Attention {
	b.t.Helper()
	found, err := b.AttentionOf(b.ctx(), name)
	require.NoError(b.t, err)
	require.Len(b.t, found, 1)
	return found[0]
}

func TestDriftCountsUntilItIsMended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.active("other")
	require.Empty(t, b.attention("main").VerifyRun)
	require.NotNil(t, b.attention("main").ProbedAt)

	b.verified(account, syncjob.TriggerVerify, 0, 10, 0, nil)
	drifted := b.verified(account, syncjob.TriggerVerify, 1, 10, 3, nil)
	require.EqualValues(t, 3, b.attention("main").Drifted)
	// A sample of fewer windows that found none proves nothing; neither does a
	// retry of the quarantine, which is a repair too.
	b.verified(account, syncjob.TriggerVerify, 2, 1, 0, nil)
	b.verified(account, syncjob.Repair, 3, 1, 0, `{"quarantine": [1]}`)
	require.Equal(t, drifted, b.attention("main").VerifyRun)
	require.EqualValues(t, 100, b.attention("main").Compared)

	b.verified(account, syncjob.Repair, 4, 1, 0, nil)
	require.Zero(t, b.attention("main").Drifted, "it was repaired")
	b.verified(account, syncjob.TriggerVerify, 5, 10, 2, nil)
	require.EqualValues(t, 2, b.attention("main").Drifted)
	whole := b.verified(account, syncjob.TriggerVerify, 6, 10, 0, nil)
	require.Zero(t, b.attention("main").Drifted, "as many windows have none")
	require.Equal(t, whole, b.attention("main").VerifyRun)
	all, err := b.AttentionOf(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, all, 2)
}

func TestCoverageInOneWord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "spot", "{[2026-01-05Z,2026-01-06Z)}")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-06Z),[2026-01-07Z,2026-01-08Z)}")
	b.cover(account, syncjob.Orders, "spot", "{[2026-01-05Z,2026-01-06Z)}")
	b.cover(account, syncjob.Ledger, "deposit", "{}")
	words := map[syncjob.DataType]string{}
	found, err := b.CoverageWords(t.Context(), "main")
	require.NoError(t, err)
	for _, one := range found {
		words[one.DataType] = one.Word
	}
	require.Equal(t, map[syncjob.DataType]string{
		syncjob.Fills: "gaps", syncjob.Orders: "complete", syncjob.Ledger: "none",
	}, words)
}

func TestSubAccountsAreKeptUntilTheyAreListedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, run := b.pending("main")
	list, err := b.SubAccounts(t.Context(), account.ID)
	require.NoError(t, err)
	require.Nil(t, list.ListedAt)
	found := facts()
	found.SubAccounts = []SubAccount{{UID: "7", Name: "hedge", Status: "1"}}
	job := b.claim(b.jobOf(run.ID, syncjob.Probe))
	_, err = b.CommitProbe(t.Context(), job, succeeded(), found)
	require.NoError(t, err)
	list, err = b.SubAccounts(t.Context(), account.ID)
	require.NoError(t, err)
	require.NotNil(t, list.ListedAt)
	require.Equal(t, found.SubAccounts, list.List)

	// An empty list is an answer; no list is none.
	for _, next := range [][]SubAccount{nil, {}} {
		_, run, err = b.Probe(t.Context(), account.ID)
		require.NoError(t, err)
		found.SubAccounts = next
		_, err = b.CommitProbe(t.Context(), b.claim(b.jobOf(run.ID, syncjob.Probe)), succeeded(), found)
		require.NoError(t, err)
		list, err = b.SubAccounts(t.Context(), account.ID)
		require.NoError(t, err)
		require.Len(t, list.List, map[bool]int{true: 1, false: 0}[next == nil])
	}
	_, err = b.SubAccounts(t.Context(), "nonsense")
	require.ErrorIs(t, err, ErrNotFound)
}
