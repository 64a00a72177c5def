package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// day is midnight UTC so many days from the fifth of January 2026, a Monday, at
// which windows are cut.
func day(n int) time.Time { return time.Date(2026, 1, 5+n, 0, 0, 0, 0, time.UTC) }

func span7(from int) Window { return Window{From: day(from), To: day(from + 7)} }

// cover records what of a scope is covered: a text such as {[2026-01-01Z,2026-01-02Z)}.
func (b bundle) cover(account Account, t syncjob.DataType, scope, covered string) {
	b.t.Helper()
	b.exec(`
INSERT INTO alphapulse.sync_coverage AS c (account_id, data_type, scope, covered) VALUES ($1, $2, $3, $4::tstzmultirange)
ON CONFLICT (subject_id, data_type, scope) DO UPDATE SET covered = c.covered + excluded.covered`,
		account.ID, string(t), scope, covered)
}

func (b bundle) backfill(account Account, from, to int, types ...syncjob.DataType) Run {
	b.t.Helper()
	run, err := b.StartBackfill(b.ctx(), BackfillRequest{AccountID: account.ID, Types: types, Since: day(from), Until: day(to)})
	require.NoError(b.t, err)
	return run
}

// windows lists the windows of a run's jobs.
func (b bundle) windows(runID string) []Window {
	b.t.Helper()
	jobs, err := b.Jobs(b.ctx(), runID)
	require.NoError(b.t, err)
	var windows []Window
	for _, job := range jobs {
		require.NotNil(b.t, job.Window)
		windows = append(windows, *job.Window)
	}
	return windows
}

func TestABackfillIsOneJobAWindow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.backfill(account, 0, 16, syncjob.Fills)
	require.Equal(t, syncjob.TriggerBackfill, run.Trigger)
	require.Equal(t, []string{"fills"}, run.Types)
	require.Equal(t, 3, run.Total)
	require.Equal(t, []Window{span7(0), span7(7), {From: day(14), To: day(16)}}, b.windows(run.ID))
	require.InDelta(t, 30*time.Minute, run.DeadlineAt.Sub(*run.StartedAt), float64(time.Second))
	job := b.claim(b.jobOf(run.ID, syncjob.Fills))
	require.Equal(t, syncjob.Backfill, job.Lane)
	require.Equal(t, 5, job.MaxAttempts)
	require.LessOrEqual(t, job.Window.To.Sub(job.Window.From), MaxWindow)
}
