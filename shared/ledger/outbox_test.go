package ledger

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const outboxRows = `SELECT count(*) FROM alphapulse.run_outbox`

// endedTogether folds runs of n accounts together, and gives them as the fold did.
func (b bundle) endedTogether(n int) []Run {
	b.t.Helper()
	b.fleet(n)
	b.exec(`TRUNCATE alphapulse.run_outbox`)
	b.makeDue("1 minute")
	_, err := b.PlanDue(b.ctx(), syncjob.Account, 10*n)
	require.NoError(b.t, err)
	var ids []string
	for _, p := range b.publish() {
		b.commit(b.claim(p.JobID), succeeded())
		if p.DataType != syncjob.Probe && !slices.Contains(ids, p.RunID) {
			ids = append(ids, p.RunID)
		}
	}
	require.GreaterOrEqual(b.t, len(ids), n)
	runs, left, err := b.FoldGroup(b.ctx(), ids)
	require.NoError(b.t, err)
	require.Empty(b.t, left)
	require.Len(b.t, runs, len(ids))
	return runs
}

// TestRule11RunsThatEndTogetherAreOneRowOfTheOutbox: which goes when all of them are
// announced, and not before.
func TestRule11RunsThatEndTogetherAreOneRowOfTheOutbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	runs := b.endedTogether(3)
	require.Equal(t, 1, b.count(outboxRows))
	unannounced, err := b.UnannouncedRuns(t.Context(), 0, 100)
	require.NoError(t, err)
	require.Len(t, unannounced, len(runs))
	limited, err := b.UnannouncedRuns(t.Context(), 0, 2)
	require.NoError(t, err)
	require.Len(t, limited, 2)
	require.NoError(t, b.RunsAnnounced(t.Context(), runs))
	require.Zero(t, b.count(outboxRows))
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE finished_at IS NOT NULL AND announced_at IS NULL`))
}

// TestRule11ARunLeftOutOfAnAnnouncementStaysInTheOutbox: until the sweep has announced
// it too. What the sweep finds done with it removes.
func TestRule11ARunLeftOutOfAnAnnouncementStaysInTheOutbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	runs := b.endedTogether(3)
	require.NoError(t, b.RunsAnnounced(t.Context(), runs[1:]))
	require.Equal(t, 1, b.count(outboxRows))
	unannounced, err := b.UnannouncedRuns(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Equal(t, []string{runs[0].ID}, unannounced)
	require.Equal(t, 1, b.count(outboxRows))

	last, err := b.Run(t.Context(), runs[0].ID) // as the sweep reads it
	require.NoError(t, err)
	require.NoError(t, b.RunsAnnounced(t.Context(), []Run{last}))
	require.Equal(t, 1, b.count(outboxRows), "whose row it is was not known")
	unannounced, err = b.UnannouncedRuns(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Empty(t, unannounced)
	require.Zero(t, b.count(outboxRows))
}

// TestRule11ARunFoldedAloneIsInTheOutbox: also one that is ended from outside.
func TestRule11ARunFoldedAloneIsInTheOutbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.exec(`TRUNCATE alphapulse.run_outbox`)
	folded := b.manual(account, syncjob.Balances)
	b.commit(b.claim(b.jobOf(folded.ID, syncjob.Balances)), succeeded())
	b.fold(folded.ID)
	cancelled := b.manual(account, syncjob.Balances)
	require.NoError(t, b.EndRun(t.Context(), cancelled.ID, syncjob.CancelUser))
	unannounced, err := b.UnannouncedRuns(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Equal(t, []string{folded.ID, cancelled.ID}, unannounced, "oldest first")
}

// TestAnAnnouncementWritesNoIndex: every run is announced, so this would be written for
// every run.
func TestAnAnnouncementWritesNoIndex(t *testing.T) {
	t.Parallel()
	b := setup(t).single()
	runs := b.endedTogether(20)
	hot := func() int {
		b.exec(`SELECT pg_stat_force_next_flush()`)
		return b.count(`SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sync_runs'`)
	}
	before := hot()
	require.NoError(t, b.RunsAnnounced(t.Context(), runs))
	require.GreaterOrEqual(t, hot()-before, len(runs)-2, "a row moves when its page is full")
}
