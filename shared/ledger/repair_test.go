package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// drift records, as a verifying job does, that a row differs.
func (b bundle) drift(job Job, key string) {
	b.t.Helper()
	b.exec(`
INSERT INTO alphapulse.drift (job_id, account_id, data_type, scope, row_key, kind, column_name, stored_value, exchange_value)
SELECT id, account_id, data_type, 'linear', $2, 'changed', 'quantity', '1', '1.0000001' FROM alphapulse.sync_jobs WHERE id = $1`,
		job.ID, key)
	b.exec(`
INSERT INTO alphapulse.verifications (job_id, scope, "window", rows_compared, rows_moved, rows_drifted)
SELECT id, 'linear', "window", 100, 2, 1 FROM alphapulse.sync_jobs WHERE id = $1 ON CONFLICT DO NOTHING`, job.ID)
}

func TestARepairReadsExactlyWhatDiffers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-26Z)}")
	b.cover(account, syncjob.Orders, "linear", "{[2026-01-05Z,2026-01-19Z)}")
	verify := b.verifyRun(VerifyRequest{AccountID: account.ID})
	for _, job := range b.jobsOf(verify.ID) {
		switch {
		case job.DataType == syncjob.Positions, job.DataType == syncjob.Orders && job.Window == nil:
			b.drift(job, "BTCUSDT")
		case job.DataType == syncjob.Fills && job.Window.From.Equal(day(7)):
			b.drift(job, "exec-1")
			b.drift(job, "exec-2")
		}
	}
	_, err := b.StartRepair(t.Context(), account.ID, verify.ID)
	require.ErrorIs(t, err, ErrStillVerifying)
	require.NoError(t, b.EndRun(t.Context(), verify.ID, syncjob.CancelUser))
	run, err := b.StartRepair(t.Context(), account.ID, verify.ID)
	require.NoError(t, err)
	require.Equal(t, syncjob.Repair, run.Trigger)
	require.ElementsMatch(t, []task{
		{syncjob.Positions, syncjob.Live, ""},
		{syncjob.Orders, syncjob.Live, ""},
		{syncjob.Fills, syncjob.Backfill, "2026-01-12"},
	}, b.tasks(run.ID))
	require.Len(t, b.publish(), 3)

	drift, err := b.DriftOf(t.Context(), verify.ID)
	require.NoError(t, err)
	require.Len(t, drift, 4)
	require.Equal(t, []any{syncjob.Fills, "linear", "exec-1", "changed", "quantity", "1", "1.0000001", span7(7)}, []any{
		drift[0].DataType, drift[0].Scope, drift[0].RowKey, drift[0].Kind, drift[0].Column, *drift[0].Stored,
		*drift[0].Exchange, *drift[0].Window,
	})
	require.Nil(t, drift[3].Window)
	checks, err := b.Verifications(t.Context(), verify.ID)
	require.NoError(t, err)
	require.Len(t, checks, 3)
	require.Equal(t, []int64{100, 2, 1}, []int64{checks[0].Compared, checks[0].Moved, checks[0].Drifted})
	_, err = b.DriftOf(t.Context(), "no such run")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestARepairIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	verify := b.verifyRun(VerifyRequest{AccountID: account.ID})
	_, err := b.StartRepair(t.Context(), account.ID, verify.ID)
	require.ErrorIs(t, err, ErrStillVerifying, "half of what it will find")
	require.NoError(t, b.EndRun(t.Context(), verify.ID, syncjob.CancelUser))
	_, err = b.StartRepair(t.Context(), account.ID, verify.ID)
	require.ErrorIs(t, err, ErrNothingToRepair)
	_, err = b.StartRepair(t.Context(), b.active("other").ID, verify.ID)
	require.ErrorIs(t, err, ErrNotFound, "another account's")
	_, err = b.StartRepair(t.Context(), account.ID, b.manual(account, syncjob.Balances).ID)
	require.ErrorIs(t, err, ErrNotFound, "no verification")
	require.NoError(t, b.PauseAccount(t.Context(), account.ID, ""))
	_, err = b.StartRepair(t.Context(), account.ID, verify.ID)
	require.ErrorIs(t, err, ErrPaused)
}
