package ledger

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func (b bundle) verifyRun(req VerifyRequest) Run {
	b.t.Helper()
	run, err := b.StartVerify(b.ctx(), req)
	require.NoError(b.t, err)
	require.Equal(b.t, syncjob.TriggerVerify, run.Trigger)
	return run
}

// task is what tells jobs of a run apart.
type task struct {
	Type syncjob.DataType
	Lane syncjob.Lane
	From string
}

func (b bundle) tasks(runID string) []task {
	b.t.Helper()
	var tasks []task
	for _, job := range b.jobsOf(runID) {
		one := task{Type: job.DataType, Lane: job.Lane}
		if job.Window != nil {
			one.From = job.Window.From.Format(time.DateOnly)
		}
		tasks = append(tasks, one)
	}
	return tasks
}

func TestAVerificationReadsSnapshotsAndWhatIsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-20Z)}")
	b.cover(account, syncjob.Fills, "spot", "{[2026-01-12Z,2026-01-20Z)}")
	b.cover(account, syncjob.Orders, "linear", "{[2026-01-05Z,2026-01-08Z)}")
	run := b.verifyRun(VerifyRequest{AccountID: account.ID})
	require.ElementsMatch(t, []task{
		{syncjob.Balances, syncjob.Backfill, ""},
		{syncjob.Positions, syncjob.Backfill, ""},
		{syncjob.Orders, syncjob.Backfill, ""},
		{syncjob.Orders, syncjob.Backfill, "2026-01-05"},
		{syncjob.Fills, syncjob.Backfill, "2026-01-05"},
		{syncjob.Fills, syncjob.Backfill, "2026-01-12"},
		{syncjob.Fills, syncjob.Backfill, "2026-01-19"},
	}, b.tasks(run.ID))

	run = b.verifyRun(VerifyRequest{AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}, Until: day(9)})
	require.Equal(t, []Window{span7(0), {From: day(7), To: day(9)}}, b.windows(run.ID))
	run = b.verifyRun(VerifyRequest{AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}, Since: day(8)})
	require.Equal(t, []Window{{From: day(8), To: day(14)}, {From: day(14), To: day(15)}}, b.windows(run.ID))
}

func TestAVerificationOfASampleTakesSomeOfEachHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2025-01-06Z,2026-01-05Z)}") // 52 weeks
	b.cover(account, syncjob.Ledger, "transaction_log", "{[2026-01-05Z,2026-01-12Z)}")
	count := func(share float64) map[syncjob.DataType]int {
		run := b.verifyRun(VerifyRequest{AccountID: account.ID, Sample: share})
		var types []syncjob.DataType
		for _, job := range b.jobsOf(run.ID) {
			types = append(types, job.DataType)
		}
		require.NoError(t, b.EndRun(t.Context(), run.ID, syncjob.CancelUser))
		return tally(types)
	}
	require.Equal(t, map[syncjob.DataType]int{
		syncjob.Balances: 1, syncjob.Positions: 1, syncjob.Orders: 1, syncjob.Fills: 13, syncjob.Ledger: 1,
	}, count(0.25))
	require.Equal(t, 1, count(0.001)[syncjob.Fills], "at least one")
	require.Equal(t, 52, count(0)[syncjob.Fills])
	require.Equal(t, 52, count(1)[syncjob.Fills])
	first := sample(cutWindows([]Window{{From: day(-364), To: day(0)}}), 0.5)
	require.True(t, slices.IsSortedFunc(first, func(a, b Window) int { return b.From.Compare(a.From) }), "newest first")
}

func TestAVerificationIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	start := func(req VerifyRequest) error {
		req.AccountID = account.ID
		_, err := b.StartVerify(t.Context(), req)
		return err
	}
	require.ErrorIs(t, start(VerifyRequest{Types: []syncjob.DataType{syncjob.Fills}}), ErrNothingToVerify)
	require.ErrorContains(t, start(VerifyRequest{Types: []syncjob.DataType{syncjob.Prices}}), "is not data of an account")
	require.ErrorContains(t, start(VerifyRequest{Sample: 2}), "share")
	require.ErrorContains(t, start(VerifyRequest{Since: day(1), Until: day(0)}), "is empty")
	require.NoError(t, b.PauseAccount(t.Context(), account.ID, ""))
	require.ErrorIs(t, start(VerifyRequest{}), ErrPaused)
	require.Empty(t, b.openRuns(account.ID))
}

func (b bundle) planVerify() int {
	b.t.Helper()
	n, err := b.PlanVerify(b.ctx(), 10)
	require.NoError(b.t, err)
	return n
}

func TestEachAccountIsVerifiedOnceADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2025-01-06Z,2026-01-05Z)}")
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.accounts
WHERE verify_at < clock_timestamp() + interval '12 hours' OR verify_at > clock_timestamp() + interval '36 hours'`))
	require.Zero(t, b.planVerify(), "not yet")
	b.exec(`UPDATE alphapulse.accounts SET verify_at = verify_at - interval '4 days'`)
	started := concurrently(t, 4, func(int) (int, error) { return b.PlanVerify(t.Context(), 10) })
	require.Equal(t, map[int]int{0: 3, 1: 1}, tally(started))
	open := b.openRuns(account.ID)
	require.Len(t, open, 1)
	require.Len(t, b.jobsOf(open[0]), 3+3, "the snapshots, and 5 % of 52 weeks")
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.accounts
WHERE verify_at < clock_timestamp() OR verify_at > clock_timestamp() + interval '1 day'
   OR verify_at <> date_bin('1 day', verify_at, timestamptz '2000-01-01 00:00:00+00' +
      make_interval(secs => (hashtext(id::text) & 2147483647) % 86400000 / 1000.0))`), "the slot keeps its phase")

	b.exec(`UPDATE alphapulse.accounts SET verify_at = clock_timestamp()`)
	require.Equal(t, 1, b.planVerify(), "a slot passes")
	require.Equal(t, open, b.openRuns(account.ID), "while one is open no other is made")
	require.NoError(t, b.PauseAccount(t.Context(), account.ID, ""))
	b.exec(`UPDATE alphapulse.accounts SET verify_at = clock_timestamp()`)
	require.Zero(t, b.planVerify(), "nobody reads it")
}
