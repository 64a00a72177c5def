package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// waitingSiblings has one running job and n siblings that wait for it, oldest
// first, none of them due before the lease ends.
func (b bundle) waitingSiblings(account Account, n int) (running *Claimed, waiting []string) {
	b.t.Helper()
	running = b.claim(b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances))
	for range n {
		id := b.planned(account, syncjob.Balances)
		require.Equal(b.t, Sibling, b.refused(id).Answer)
		waiting = append(waiting, id)
	}
	return running, waiting
}

func TestRule14WhateverLeavesRunningWakesItsOldestSibling(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(b bundle, job *Claimed){
		"commit": func(b bundle, job *Claimed) { b.commit(job, succeeded()) },
		"retry":  func(b bundle, job *Claimed) { b.commit(job, retry(syncjob.Transient)) },
		"release": func(b bundle, job *Claimed) {
			ok, err := b.Release(b.ctx(), Holding{JobID: job.JobID, Claim: job.Claim})
			require.NoError(b.t, err)
			require.True(b.t, ok)
		},
		"lost": func(b bundle, job *Claimed) {
			b.expireLease(job.JobID)
			_, err := b.TakeBackLost(b.ctx(), 10)
			require.NoError(b.t, err)
		},
		"cancel": func(b bundle, job *Claimed) {
			require.NoError(b.t, b.EndRun(b.ctx(), job.RunID, syncjob.CancelUser))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			running, waiting := b.waitingSiblings(b.active("main"), 3)
			require.Empty(t, b.publish())
			leave(b, running)
			due := b.publish()
			delete(due, running.JobID) // a retry or a lost job is due itself
			require.Len(t, due, 1, "one at a time")
			require.Contains(t, due, waiting[0], "the oldest")
		})
	}
}

func TestRule14SiblingsRunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	running, waiting := b.waitingSiblings(b.active("main"), 3)
	for _, next := range waiting {
		b.commit(running, succeeded())
		running = b.claim(next)
		require.Equal(t, 1, running.Attempt, "waiting was not counted")
	}
}

func TestRule15OneReadOfThePricesEndsAllThatWereQueuedBeforeIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.active("first")
	held := b.active("held")
	b.claim(b.jobOf(b.manual(held, syncjob.Orders).ID, syncjob.Orders))
	follower := b.manual(held, syncjob.Prices) // held back: callers may still join it
	var runs []Run
	for _, name := range []string{"a", "b", "c"} {
		runs = append(runs, b.manual(b.active(name), syncjob.Prices))
	}
	waits := b.jobOf(b.manual(b.active("waits"), syncjob.Prices).ID, syncjob.Prices)

	reader := b.claim(b.jobOf(b.manual(first, syncjob.Prices).ID, syncjob.Prices))
	require.Equal(t, Sibling, b.refused(waits).Answer)
	late := b.jobOf(b.manual(b.active("late"), syncjob.Prices).ID, syncjob.Prices)
	b.publish()
	out := succeeded()
	b.commit(reader, out)

	for _, run := range runs {
		job := b.row(b.jobOf(run.ID, syncjob.Prices))
		require.Equal(t, syncjob.Skipped, job.Status)
		require.WithinDuration(t, out.AsOf, *job.AsOf, time.Millisecond)
		require.Equal(t, syncjob.RunSucceeded, b.fold(run.ID).Status)
	}
	require.Equal(t, syncjob.Skipped, b.row(waits).Status)
	require.Equal(t, syncjob.Queued, b.row(late).Status, "queued after the claim")
	require.Equal(t, syncjob.Queued, b.row(b.jobOf(follower.ID, syncjob.Prices)).Status, "held back")
}

func TestRule15OnlyASuccessOfAMarketSkips(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.jobOf(b.manual(b.active("other"), syncjob.Prices).ID, syncjob.Prices)
	account := b.active("main")
	run := b.manual(account, syncjob.Prices)
	partly := Outcome{Status: syncjob.Partial, Class: syncjob.Incomplete, AsOf: time.Now()}
	b.commit(b.claim(b.jobOf(run.ID, syncjob.Prices)), partly)
	require.True(t, b.row(other).Status.Open())
	require.Equal(t, syncjob.RunPartial, b.fold(run.ID).Status)

	sibling := b.planned(account, syncjob.Balances)
	b.commit(b.claim(b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances)), succeeded())
	require.True(t, b.row(sibling).Status.Open(), "an account's own jobs are never skipped for another")
}

func TestRule25StateNeverGoesBackwards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	read := func() (f Freshness) {
		all, err := b.Freshness(t.Context(), "main")
		require.NoError(t, err)
		require.Equal(t, "balances", all[0].DataType)
		return all[0]
	}
	do := func(out Outcome) { b.commit(b.claim(b.planned(account, syncjob.Balances)), out) }
	require.True(t, read().Stale, "no success yet")

	now := time.Now()
	do(Outcome{Status: syncjob.Succeeded, AsOf: now, Requests: 7})
	require.False(t, read().Stale)
	require.True(t, read().Complete)
	do(failed(syncjob.Decode))
	do(failed(syncjob.Transient))
	do(retry(syncjob.RateLimited))
	state := read()
	require.Equal(t, 2, state.Failures, "waiting for the exchange is no failure")
	require.Equal(t, "rate_limited", state.ErrorClass)
	require.WithinDuration(t, now, *state.AsOf, time.Millisecond)

	b.exec(`DELETE FROM alphapulse.sync_jobs WHERE status = 'waiting'`)
	success := *read().LastSuccessAt
	do(Outcome{Status: syncjob.Succeeded, AsOf: now.Add(-time.Hour)})
	state = read()
	require.WithinDuration(t, now, *state.AsOf, time.Millisecond, "never backwards")
	require.True(t, state.LastSuccessAt.After(success))
	require.Zero(t, state.Failures)
	require.Empty(t, state.ErrorClass)

	for range 3 {
		do(Outcome{Status: syncjob.Skipped})
	}
	require.Equal(t, 3, read().Superseded)
}

func TestABackfillLeavesTheStateAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.planned(b.active("main"), syncjob.Orders)
	b.exec(`UPDATE alphapulse.sync_jobs SET lane = 'backfill', "window" = tstzrange('2026-01-01Z', '2026-01-08Z') WHERE id = $1`, id)
	job := b.claim(id)
	require.InDelta(t, 10*time.Minute, job.Timeout, float64(time.Second))
	require.Equal(t, 7*24*time.Hour, job.Window.To.Sub(job.Window.From))
	b.commit(job, succeeded())
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_state`))
}
