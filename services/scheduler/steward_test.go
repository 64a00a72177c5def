package scheduler

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// TestAHoleIsFilledWithoutAWord: from the coverage table to the stream of the
// backfill lane, four windows at a time.
func TestAHoleIsFilledWithoutAWord(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, hook := f.scheduler(Config{})
	account := f.accounts(1)[0]
	f.exec(`INSERT INTO alphapulse.sync_coverage (account_id, data_type, scope, covered)
VALUES ($1, 'fills', 'linear', '{[2026-01-05Z,2026-01-12Z),[2026-02-23Z,2026-03-02Z)}')`, account)
	f.settle(s)
	f.start(s)
	f.await("windows in the stream", 4, inStream)
	require.Equal(t, 6, f.count(`SELECT jobs_total FROM alphapulse.sync_runs WHERE trigger = 'backfill'`))
	require.Len(t, messagesOf(hook, "backfills of holes started"), 1)

	sub, err := f.queue.Subscribe(queue.Consumer{
		Exchange: "bybit", Environment: "testnet", DataType: syncjob.Fills, Lane: syncjob.Backfill,
	})
	require.NoError(t, err)
	var first queue.Delivery
	sub.Fetch(t.Context(), 1, patience, func(d queue.Delivery) { first = d })
	job, _, err := f.ledger.Claim(t.Context(), ledger.ClaimRequest{
		JobID: first.Job.JobID, Claim: "0b8f7c1e-5a51-4c4b-9f0c-0d9a6c1b2e3f", Publishes: first.Job.Publishes,
	})
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 1, 12, 0, 0, 0, 0, time.UTC), job.Window.From, "the oldest first")
	_, err = f.ledger.Commit(t.Context(), job, ledger.Outcome{Status: syncjob.Succeeded}, nil)
	require.NoError(t, err)
	f.await("the next window in the stream", 4, inStream)
}

func TestWindowsThatNobodyWokeAreLetGo(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, hook := f.scheduler(Config{})
	account := f.accounts(1)[0]
	_, err := f.ledger.StartBackfill(t.Context(), ledger.BackfillRequest{
		AccountID: account, Types: []syncjob.DataType{syncjob.Fills},
		Since: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
	})
	require.NoError(t, err)
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'succeeded', next_at = NULL, finished_at = clock_timestamp()
	        WHERE lane = 'backfill' AND next_at < 'infinity'`)
	wait, err := s.holding.step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 5*time.Second, wait)
	require.Len(t, messagesOf(hook, "windows that nobody woke"), 1)
	require.Len(t, s.publishing.wake, 1)
	require.Equal(t, 4, f.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE status = 'queued' AND next_at < 'infinity'`))
}

func TestAccountsAreVerifiedDaily(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, hook := f.scheduler(Config{})
	f.accounts(2)
	for range 2 {
		f.exec(`UPDATE alphapulse.accounts SET verify_at = clock_timestamp()`)
		_, err := s.stewarding.step(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, f.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'verify'`))
	}
	require.NotEmpty(t, messagesOf(hook, "verified from a sample"))
}

// TestAKeyThatNobodyProbedIsProbedAgain: it was added while no worker ran.
func TestAKeyThatNobodyProbedIsProbedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, hook := f.scheduler(Config{})
	account, _, err := f.ledger.AddAccount(t.Context(), ledger.NewAccount{
		Name:   "early",
		Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: "http://127.0.0.1:1"},
		Seal:   func(string, int) ([]byte, error) { return []byte("sealed"), nil },
	})
	require.NoError(t, err)
	f.exec(`UPDATE alphapulse.sync_runs SET deadline_at = clock_timestamp() WHERE account_id = $1`, account.ID)
	ended, err := f.ledger.EndOverdue(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	f.exec(`UPDATE alphapulse.sync_jobs SET finished_at = finished_at - interval '1 minute' WHERE account_id = $1`, account.ID)
	_, err = s.stewarding.step(t.Context())
	require.NoError(t, err)
	require.Len(t, messagesOf(hook, "keys are probed again"), 1)
	require.Len(t, s.publishing.wake, 1)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'probe' AND status = 'running'`))
}

func TestAKeyThatExpiresIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, hook := f.scheduler(Config{})
	f.accounts(1)
	f.exec(`UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() + interval '6 days 12 hours'`)
	for range 3 {
		_, err := s.stewarding.step(t.Context())
		require.NoError(t, err)
	}
	lines := messagesOf(hook, "expires soon")
	require.Len(t, lines, 1)
	require.Equal(t, logrus.WarnLevel, lines[0].Level)
	require.Equal(t, "account-0", lines[0].Data["account"])
	require.Equal(t, 6, lines[0].Data["days_left"])
	f.exec(`UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() - interval '1 hour'`)
	_, err := s.stewarding.step(t.Context())
	require.NoError(t, err)
	require.Len(t, messagesOf(hook, "has expired"), 1)
}
