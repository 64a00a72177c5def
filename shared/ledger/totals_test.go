package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestTotalsAddUpTheJobsOfARun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.backfill(account, 0, 28, syncjob.Fills, syncjob.Orders)
	b.exec(`
UPDATE alphapulse.sync_jobs SET rows_fetched = 5, exchange_requests = 2, rows_changed = 1 WHERE run_id = $1`, run.ID)
	b.exec(`
UPDATE alphapulse.sync_jobs
SET status = CASE lower("window") WHEN $2 THEN 'succeeded' WHEN $3 THEN 'failed' ELSE 'partial' END,
    error_class = CASE lower("window") WHEN $2 THEN NULL ELSE 'decode' END, error_message = lower("window")::date::text,
    finished_at = clock_timestamp() + (lower("window") - $2)
WHERE run_id = $1 AND data_type = 'fills' AND lower("window") < $4`, run.ID, day(0), day(7), day(21))

	totals, err := b.Totals(t.Context(), run.ID)
	require.NoError(t, err)
	require.Len(t, totals, 2)
	require.Equal(t, syncjob.Orders, totals[0].DataType, "in the order of the types")
	require.Equal(t, 4, totals[0].Queued)
	fills := totals[1]
	require.Equal(t, []int{4, 1, 1, 1, 1}, []int{fills.Jobs, fills.Queued, fills.Succeeded, fills.Failed, fills.Partial})
	require.EqualValues(t, 20, fills.RowsFetched)
	require.EqualValues(t, 8, fills.Requests)
	require.EqualValues(t, 4, fills.RowsChanged)
	require.True(t, day(0).Equal(*fills.WindowFrom))
	require.True(t, day(28).Equal(*fills.WindowTo))
	require.Equal(t, "decode", fills.ErrorClass)
	require.Equal(t, "2026-01-19", fills.ErrorMessage, "the last one's")

	manual, err := b.Totals(t.Context(), b.manual(account, syncjob.Balances).ID)
	require.NoError(t, err)
	require.Nil(t, manual[0].WindowFrom)
	none, err := b.Totals(t.Context(), "00000000-0000-0000-0000-000000000000")
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = b.Totals(t.Context(), "nonsense")
	require.ErrorIs(t, err, ErrNotFound)
}
