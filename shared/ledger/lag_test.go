package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// What moves is counted as `lag` counts it, without a look at what is held back.
func TestMovingBacklogsLeaveOutWhatIsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t).single()
	b.aged()
	b.exec(`UPDATE alphapulse.sync_jobs SET next_at = 'infinity' WHERE data_type = 'orders' AND status = 'queued'`)
	b.exec(`INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, next_at)
SELECT run_id, account_id, data_type, lane, trigger, consumer, 3, 'infinity' FROM alphapulse.sync_jobs, generate_series(1, 20)
WHERE next_at = 'infinity'`)
	b.exec(`UPDATE alphapulse.sync_jobs SET status = 'waiting', wait_reason = 'retry', next_at = clock_timestamp() + interval '1 hour'
WHERE id IN (SELECT id FROM alphapulse.sync_jobs WHERE data_type = 'balances' AND status = 'queued' LIMIT 30)`)
	b.exec(`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() - interval '1 second'
WHERE id IN (SELECT id FROM alphapulse.sync_jobs WHERE data_type = 'balances' AND status = 'queued' LIMIT 20)`)
	b.exec(`UPDATE alphapulse.sync_jobs SET stream_seq = NULL
WHERE id IN (SELECT id FROM alphapulse.sync_jobs WHERE data_type = 'balances' AND status = 'queued' AND next_at IS NULL LIMIT 10)`)
	b.exec(`ANALYZE`)

	all, err := b.Backlogs(t.Context())
	require.NoError(t, err)
	before := b.scans()
	moving, err := b.MovingBacklogs(t.Context(), time.Minute)
	require.NoError(t, err)
	after := b.scans()
	require.Equal(t, before["sync_jobs"], after["sync_jobs"], "it reads all of them")
	require.Equal(t, before["sync_jobs_open"], after["sync_jobs_open"], "it reads the held ones as well")

	counts := func(backlogs []Backlog, t syncjob.DataType) (published, due, running, snoozed, held int64) {
		for _, one := range backlogs {
			if one.Consumer == "bybit-testnet-"+string(t)+"-live" {
				published, due, running = published+one.Published, due+one.Due, running+one.Running
				snoozed, held = snoozed+one.Snoozed, held+one.Held
			}
		}
		return published, due, running, snoozed, held
	}
	for _, kind := range []syncjob.DataType{syncjob.Balances, syncjob.Orders} {
		published, due, running, snoozed, held := counts(all, kind)
		if kind == syncjob.Balances {
			require.EqualValues(t, []int64{20, 30}, []int64{due, snoozed})
			require.Positive(t, published)
		} else {
			require.Positive(t, held)
		}
		p, d, r, s, h := counts(moving, kind)
		require.Equal(t, []int64{published, due, running, snoozed, 0}, []int64{p, d, r, s, h}, kind)
	}
}

func TestMovingBacklogsEndInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.db.InTx(t.Context(), "lock", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE alphapulse.sync_jobs`); err != nil {
			return err
		}
		_, err := b.MovingBacklogs(t.Context(), 50*time.Millisecond)
		require.ErrorContains(t, err, "statement timeout")
		return nil
	}))
}
