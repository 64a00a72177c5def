package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func (b bundle) pause(s PauseScope, more ...func(*NewPause)) []Pause {
	b.t.Helper()
	n := NewPause{Scope: s, Reason: "tests", By: "me"}
	for _, m := range more {
		m(&n)
	}
	made, err := b.Pause(b.ctx(), n)
	require.NoError(b.t, err)
	return made
}

func (b bundle) text(sql string, args ...any) string {
	b.t.Helper()
	var s string
	require.NoError(b.t, b.db.QueryRow(b.ctx(), sql, args...).Scan(&s))
	return s
}

func lasting(d time.Duration) func(*NewPause) { return func(n *NewPause) { n.For = d } }

// planAll makes all schedules due and gives the types that were planned, by subject.
func (b bundle) planAll() map[string][]string {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp()`)
	for _, kind := range []syncjob.SubjectKind{syncjob.Account, syncjob.Market} {
		_, err := b.PlanDue(b.ctx(), kind, 100)
		require.NoError(b.t, err)
	}
	rows, err := b.db.Query(b.ctx(), `
SELECT subject_id, data_type FROM alphapulse.sync_jobs WHERE trigger = 'schedule' AND finished_at IS NULL`)
	require.NoError(b.t, err)
	defer rows.Close()
	planned := map[string][]string{}
	for rows.Next() {
		var subject, dataType string
		require.NoError(b.t, rows.Scan(&subject, &dataType))
		planned[subject] = append(planned[subject], dataType)
	}
	require.NoError(b.t, rows.Err())
	return planned
}

func TestAPauseStopsWhatItMatchesAndNothingElse(t *testing.T) {
	t.Parallel()
	later := func(n *NewPause) { from := time.Now().Add(time.Hour); n.From = &from }
	for name, c := range map[string]struct {
		scope  func(a Account) PauseScope
		change []func(*NewPause)
		orders bool // of main
		others bool // orders of the other account
		fills  bool
		prices bool
	}{
		"an exchange's orders": {
			scope: func(Account) PauseScope {
				return PauseScope{Exchange: "bybit", Types: []syncjob.DataType{syncjob.Orders}}
			},
			fills: true, prices: true,
		},
		"an account": {
			scope:  func(a Account) PauseScope { return PauseScope{AccountID: a.ID} },
			others: true, prices: true,
		},
		"two types of an account": {
			scope: func(a Account) PauseScope {
				return PauseScope{AccountID: a.ID, Types: []syncjob.DataType{syncjob.Orders, syncjob.Fills}}
			},
			others: true, prices: true,
		},
		"a market":          {scope: func(a Account) PauseScope { return PauseScope{MarketID: a.MarketID} }},
		"an environment":    {scope: func(Account) PauseScope { return PauseScope{Environment: "testnet"} }},
		"another":           {scope: func(Account) PauseScope { return PauseScope{Environment: "mainnet"} }, orders: true, others: true, fills: true, prices: true},
		"the other lane":    {scope: func(Account) PauseScope { return PauseScope{Lane: syncjob.Backfill} }, orders: true, others: true, fills: true, prices: true},
		"what is to come":   {scope: func(Account) PauseScope { return PauseScope{} }, change: []func(*NewPause){later}, orders: true, others: true, fills: true, prices: true},
		"the live lane":     {scope: func(Account) PauseScope { return PauseScope{Lane: syncjob.Live} }},
		"another exchange":  {scope: func(Account) PauseScope { return PauseScope{Exchange: "other"} }, orders: true, others: true, fills: true, prices: true},
		"all, till resumed": {scope: func(Account) PauseScope { return PauseScope{} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			main, other := b.active("main"), b.active("other")
			b.pause(c.scope(main), c.change...)
			planned := b.planAll()
			has := func(subject string, dataType syncjob.DataType, want bool) {
				if want {
					require.Contains(t, planned[subject], string(dataType))
				} else {
					require.NotContains(t, planned[subject], string(dataType))
				}
			}
			has(main.ID, syncjob.Orders, c.orders)
			has(main.ID, syncjob.Fills, c.fills)
			has(other.ID, syncjob.Orders, c.others)
			has(main.MarketID, syncjob.Prices, c.prices)
			skipped := b.count(`SELECT skipped FROM alphapulse.schedules WHERE subject_id = $1 AND data_type = 'orders'`, main.ID)
			require.Equal(t, !c.orders, skipped == 1, "what is skipped is counted")
		})
	}
}

func TestAPausedJobWaitsUncountedAndComesBackWhenItIsResumed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main, other := b.active("main"), b.active("other")
	mine := b.jobOf(b.manual(main, syncjob.Orders).ID, syncjob.Orders)
	theirs := b.jobOf(b.manual(other, syncjob.Orders).ID, syncjob.Orders)
	all := b.pause(PauseScope{Types: []syncjob.DataType{syncjob.Orders}})
	own := b.pause(PauseScope{AccountID: main.ID}, lasting(2*time.Hour))
	for _, id := range []string{mine, theirs} {
		require.Equal(t, NotDue, b.refused(id).Answer)
		got := b.row(id)
		require.Equal(t, syncjob.Waiting, got.Status)
		require.Equal(t, "paused", got.WaitReason)
		require.Zero(t, got.Attempt)
		require.Equal(t, 1, got.Publishes)
	}
	require.WithinDuration(t, *own[0].Until, *b.row(mine).NextAt, time.Minute, "due when the last pause ends")
	require.Greater(t, time.Until(*b.row(theirs).NextAt), 30*time.Minute, "not looked at again and again")
	require.Empty(t, b.publish())
	woken, err := b.WakePaused(t.Context(), 100)
	require.NoError(t, err)
	require.Zero(t, woken)

	ended, err := b.Resume(t.Context(), PauseFilter{ID: all[0].ID}, "her")
	require.NoError(t, err)
	require.Len(t, ended, 1)
	require.Equal(t, "her", b.text(`SELECT ended_by FROM alphapulse.pauses WHERE id = $1`, all[0].ID))
	taken := b.publish()
	require.Contains(t, taken, theirs, "due at once")
	require.NotContains(t, taken, mine, "another pause holds it")
	require.Equal(t, 1, b.claim(theirs).Attempt)

	_, err = b.Resume(t.Context(), PauseFilter{ID: all[0].ID}, "her")
	require.ErrorIs(t, err, ErrNotFound, "it is over already")
	// A pause that passes by itself, without anybody to wake anything.
	b.exec(`UPDATE alphapulse.pauses SET until = clock_timestamp() WHERE id = $1`, own[0].ID)
	woken, err = b.WakePaused(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, 1, woken)
	require.Contains(t, b.publish(), mine)
}

func TestResumeEndsWhatHasEveryValueGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main := b.active("main")
	types := []syncjob.DataType{syncjob.Orders, syncjob.Fills}
	b.pause(PauseScope{Exchange: "bybit", Types: types})
	b.pause(PauseScope{MarketID: main.MarketID, Lane: syncjob.Backfill})
	b.pause(PauseScope{AccountID: main.ID})
	b.pause(PauseScope{Exchange: "bybit"}, func(n *NewPause) { from := time.Now().Add(time.Hour); n.From = &from })
	for _, c := range []struct {
		filter PauseFilter
		ended  int
	}{
		{PauseFilter{Scope: PauseScope{Exchange: "other"}}, 0},
		{PauseFilter{Scope: PauseScope{Exchange: "bybit", Types: types[:1]}}, 1},
		{PauseFilter{Scope: PauseScope{Exchange: "bybit", Environment: "testnet"}}, 1}, // the market's
		{PauseFilter{Scope: PauseScope{Exchange: "bybit"}}, 2},                         // fills, and what is to come
		{PauseFilter{}, 1},
	} {
		would, err := b.PausesOf(t.Context(), c.filter)
		require.NoError(t, err)
		require.Len(t, would, c.ended)
		ended, err := b.Resume(t.Context(), c.filter, "me")
		require.NoError(t, err)
		require.Len(t, ended, c.ended, "%+v", c.filter)
	}
	left, err := b.Pauses(t.Context())
	require.NoError(t, err)
	require.Empty(t, left, "what was to come never begins")
}

func TestAPauseThatIsOverBeforeItBeginsIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	past := time.Now().Add(-time.Hour)
	_, err := b.Pause(t.Context(), NewPause{Reason: "x", By: "me", Until: &past})
	require.ErrorIs(t, err, ErrPauseOver)
	from := time.Now().Add(2 * time.Hour)
	until := time.Now().Add(time.Hour)
	_, err = b.Pause(t.Context(), NewPause{Reason: "x", By: "me", From: &from, Until: &until})
	require.ErrorIs(t, err, ErrPauseOver)
	made := b.pause(PauseScope{}, lasting(time.Hour), func(n *NewPause) { n.From = &past })
	require.True(t, made[0].InForce)
	require.WithinDuration(t, time.Now().Add(time.Hour), *made[0].Until, time.Minute, "it begins now")
}

func TestAManualSyncOfWhatIsPausedNamesThePause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main := b.active("main")
	b.pause(PauseScope{Types: []syncjob.DataType{syncjob.Orders}})
	b.pause(PauseScope{AccountID: main.ID, Types: []syncjob.DataType{syncjob.Prices}})
	b.pause(PauseScope{Lane: syncjob.Backfill})
	_, _, err := b.StartManual(t.Context(), main.ID, syncjob.All())
	var paused *PausedError
	require.ErrorAs(t, err, &paused)
	require.ErrorIs(t, err, ErrPaused)
	require.Len(t, paused.Held, 1, "an account's pause leaves its market's prices alone")
	require.Equal(t, syncjob.Orders, paused.Held[0].DataType)
	require.ErrorContains(t, err, "orders: paused by me (tests)")
	b.manual(main, syncjob.Balances, syncjob.Prices)
	_, err = b.Resume(t.Context(), PauseFilter{}, "me")
	require.NoError(t, err)
	require.NoError(t, b.PauseMarket(t.Context(), main.MarketID, time.Minute, "worker"))
	b.manual(main, syncjob.Balances) // it waits for what the exchange announced, as ever
}

// The run of a job that somebody wants to wait does not run late meanwhile.
func TestARunWaitsForAPause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main := b.active("main")
	b.planAll()
	manual := b.manual(main, syncjob.Balances)
	b.pause(PauseScope{}, lasting(3*time.Hour))
	orders := b.text(`SELECT id::text FROM alphapulse.sync_jobs
WHERE subject_id = $1 AND data_type = 'orders' AND trigger = 'schedule'`, main.ID)
	b.refused(orders)
	b.refused(b.jobOf(manual.ID, syncjob.Balances))
	run := b.text(`SELECT run_id::text FROM alphapulse.sync_jobs WHERE id = $1`, orders)
	b.deadlineIn(run, "-1 second")
	require.Zero(t, b.overdue())
	require.InDelta(t, 185*time.Minute, b.left(run), float64(time.Minute))
	b.deadlineIn(manual.ID, "-1 second")
	require.Equal(t, 1, b.overdue(), "somebody waits for that one")
}

func TestOldPausesAreRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pause(PauseScope{})
	b.pause(PauseScope{}, lasting(time.Hour))
	b.exec(`UPDATE alphapulse.pauses SET until = clock_timestamp() - interval '31 days' WHERE until IS NOT NULL`)
	n, err := b.PrunePauses(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	left, err := b.Pauses(t.Context())
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestAPauseReachesSchedulesAndOpenJobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main := b.active("main")
	b.active("other")
	b.manual(main, syncjob.Orders, syncjob.Balances)
	reach, err := b.PauseReach(t.Context(), PauseScope{Exchange: "bybit", Types: []syncjob.DataType{syncjob.Orders}})
	require.NoError(t, err)
	require.Equal(t, Reach{Schedules: 2, Jobs: 1}, reach)
	reach, err = b.PauseReach(t.Context(), PauseScope{AccountID: main.ID})
	require.NoError(t, err)
	require.Equal(t, 2, reach.Jobs)
	_, err = b.Pauses(t.Context())
	require.NoError(t, err)
}

// What nobody is to read is not filled up and not verified.
func TestHolesAndVerificationsOfWhatIsPausedWait(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-06Z),[2026-01-08Z,2026-01-20Z)}")
	b.exec(`UPDATE alphapulse.accounts SET verify_at = clock_timestamp()`)
	b.pause(PauseScope{Types: []syncjob.DataType{syncjob.Fills}})
	require.Zero(t, b.fillHoles())
	b.pause(PauseScope{AccountID: account.ID})
	passed, err := b.PlanVerify(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, passed, "the slot passes")
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'verify'`))
	_, err = b.Resume(t.Context(), PauseFilter{}, "me")
	require.NoError(t, err)
	require.Equal(t, 1, b.fillHoles())
}
