package worker

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// What a process holds of histories is bounded: once it is full, each job commits
// what it has, if that is worth it, and nobody holds anything when it has ended.
func TestWhatAProcessHoldsIsBounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		own, others int
		status      syncjob.Status
	}{
		"not worth a commit yet":   {worthCommit - 3, mostHeld, syncjob.Succeeded},
		"others do not hold much":  {worthCommit - 1, mostHeld - worthCommit - 2, syncjob.Succeeded},
		"worth one, and it is due": {worthCommit - 1, mostHeld - worthCommit, syncjob.Partial},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			now := time.Now()
			s := &archive{fills: []exchange.Fill{fill("1", now.Add(-30*24*time.Hour)), fill("2", now.Add(-20*24*time.Hour))}}
			job := b.windowed(syncjob.TriggerBackfill, now.Add(-40*24*time.Hour), now.Add(-10*24*time.Hour))
			a := b.attempt(job)
			a.held.add(test.others)
			a.hold(test.own)
			settled := b.commit(job, newFillsReader().(*fillsReader).walk(t.Context(), a, fillHistory(0), s.read))
			require.Equal(t, test.status, settled.Status)
			a.letGo()
			require.EqualValues(t, test.others, a.held.n.Load())
			require.Less(t, a.held.jobs(), queueHeld/usualRows, "fewer are taken: they read more than usual")
		})
	}
}

// Jobs of a usual week are too small to be ended early: what they hold together is
// bounded by how many are taken.
func TestNoMoreJobsAreTakenThanMayBeHeld(t *testing.T) {
	t.Parallel()
	h := newHeldRows()
	require.Equal(t, queueHeld/usualRows, h.jobs(), "nothing is known")
	for range 100 {
		h.read(0)
	}
	require.Greater(t, h.jobs(), 1000, "accounts are quiet")
	h.read(queueHeld / 4)
	require.Equal(t, 4, h.jobs(), "at once")
	h.read(0)
	require.Equal(t, 4, h.jobs(), "bit by bit")
	h.read(2 * queueHeld)
	require.Equal(t, 1, h.jobs(), "one always")
}

func TestAJobThatCouldNotReadSaysNothingOfOthers(t *testing.T) {
	t.Parallel()
	a := &attempt{job: &ledger.Claimed{Lane: syncjob.Backfill}, held: newHeldRows()}
	for range calmer {
		a.letGo()
	}
	require.Equal(t, queueHeld/usualRows, a.held.jobs(), "an exchange that is away is no quiet account")
	a.paid = true
	for range calmer {
		a.letGo()
	}
	require.Greater(t, a.held.jobs(), queueHeld/usualRows)
}

func TestRowsAreArrangedInPlace(t *testing.T) {
	t.Parallel()
	for range 200 {
		from := rand.Perm(rand.IntN(40))
		rows := make([]int, len(from))
		for i := range rows {
			rows[i] = 100 + i
		}
		want := make([]int, len(from))
		for i, f := range from {
			want[i] = rows[f]
		}
		arrange(rows, from)
		require.Equal(t, want, rows)
	}
}
