package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestAFaultOfTheJobStopsTheReading(t *testing.T) {
	t.Parallel()
	met := func(class exchange.Class) part { return part{fault: &exchange.Error{Class: class}} }
	for _, test := range []struct {
		class exchange.Class
		last  bool
		goOn  bool
	}{
		{exchange.Permission, false, true},
		{exchange.Incomplete, true, true},
		{exchange.Banned, false, false},
		{exchange.Banned, true, false},
		{exchange.Transient, false, false},
		{exchange.Transient, true, true}, // nothing follows: what can be read is stored
	} {
		var r reading
		require.Equal(t, test.goOn, r.add(met(test.class), test.last), "%+v", test)
		require.Equal(t, test.class.EndsJob(), r.fault != nil, "%+v", test)
	}
}

// A page that did not come has rows that are still there.
func TestAWalkThatBrokeOffDeletesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	b.commit(b.scheduled(), b.walked(start, map[string]string{"BTC": "1", "ETH": "2"}))
	snap := exchange.Snapshot[exchange.Balance]{
		Scope: "unified", AsOf: start.Add(time.Second), Err: &exchange.Error{Class: exchange.Incomplete, Message: "the cursor led back"},
		Rows: []exchange.Balance{{Wallet: "unified", Asset: "BTC", Total: "9"}},
	}
	settled := b.commit(b.scheduled(), reading{parts: []part{snapshotPart(snap, b.writer, balanceValues)}})
	require.Equal(t, syncjob.Partial, settled.Status)
	require.Equal(t, []string{"BTC 9", "ETH 2"}, b.assets())
}

// Nothing shows afterwards that an empty answer was wrong. So a scope that holds
// more than a few rows is read twice, and one whose rows cannot be counted is not
// emptied.
func TestAScopeIsEmptiedOnlyAfterASecondLook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	read := func(ctx context.Context, answers ...int) (part, int) {
		asked := 0
		p := readScope(ctx, b.attempt(b.scheduled()), b.writer, "unified", func(
			context.Context, exchange.Scope,
		) exchange.Snapshot[exchange.Balance] {
			snap := exchange.Snapshot[exchange.Balance]{Scope: "unified", AsOf: time.Now(), Complete: true}
			for i := range answers[asked] {
				snap.Rows = append(snap.Rows, exchange.Balance{Wallet: "unified", Asset: fmt.Sprint(i), Total: "1"})
			}
			asked++
			return snap
		}, balanceValues)
		b.exec(`DELETE FROM alphapulse.sync_runs WHERE trigger = 'schedule'`)
		return p, asked
	}
	hold := func(n int) {
		held := map[string]string{}
		for i := range n {
			held[fmt.Sprint(i)] = "1"
		}
		b.commit(b.scheduled(), b.walked(time.Now(), held))
	}
	hold(5)
	p, asked := read(t.Context(), 0)
	require.Equal(t, 1, asked)
	require.True(t, p.stores)
	hold(6)
	p, asked = read(t.Context(), 0, 3)
	require.Equal(t, 2, asked)
	require.Equal(t, 3, p.fetched)
	p, asked = read(t.Context(), 0, 0)
	require.Equal(t, 2, asked)
	require.True(t, p.stores, "seen twice")

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	p, _ = read(gone, 0, 0)
	require.Equal(t, exchange.Incomplete, p.fault.Class)
	require.False(t, p.stores, "the rows could not be counted")
}

// A reading that broke off has not seen what the account has.
func TestAReadingThatFailedEndsNoScope(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	wallet := func(second int, scope exchange.Scope, fault *exchange.Error, all ...exchange.Scope) {
		snap := exchange.Snapshot[exchange.Balance]{
			Scope: scope, AsOf: start.Add(time.Duration(second) * time.Second), Complete: true,
			Rows: []exchange.Balance{{Wallet: string(scope), Asset: "BTC", Total: "1"}},
		}
		job := b.scheduled()
		job.Attempt = job.MaxAttempts
		b.commit(job, reading{
			parts: []part{snapshotPart(snap, b.writer, balanceValues)}, fault: fault, whole: wholeOf(b.writer, all),
		})
	}
	wallet(0, "contract", nil, "contract", "unified")
	wallet(1, "unified", &exchange.Error{Class: exchange.Transient, Message: "down"}, "unified")
	require.Equal(t, "contract unified", b.value(`SELECT string_agg(wallet, ' ' ORDER BY wallet) FROM alphapulse.balances`))
}

// Whoever judges a snapshot has its scope: one that commits meanwhile is waited
// for, and seen.
func TestRule23TheScopeIsLockedBeforeItIsJudged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	b.commit(b.scheduled(), b.walked(start, map[string]string{"BTC": "1"}))
	job := b.scheduled()
	ended := make(chan ledger.Settled, 1)
	require.NoError(t, b.db.InTx(t.Context(), "newer", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM alphapulse.sync_scopes FOR UPDATE`)
		require.NoError(t, err)
		go func() { ended <- b.commit(job, b.walked(start.Add(time.Second), map[string]string{"BTC": "2"})) }()
		require.Eventually(t, func() bool {
			return b.value(`SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock'
				AND datname = current_database()`) == "1"
		}, patience, 5*time.Millisecond)
		_, err = tx.Exec(ctx, `UPDATE alphapulse.sync_scopes SET as_of = $1`, start.Add(time.Minute))
		return err
	}))
	require.Equal(t, syncjob.Skipped, (<-ended).Status)
	require.Equal(t, []string{"BTC 1"}, b.assets())
}

// pastPart is a part of a history of fills that has read windows.
func pastPart(asOf time.Time, covers ...exchange.Window) part {
	return part{
		scope: "linear", coverage: "linear", history: true, stores: true, asOf: asOf, covers: covers,
		queue: func(*pgx.Batch, snapshot.Stamp, *snapshot.Tally) {},
	}
}

func TestRule25AWatermarkNeverGoesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now().UTC().Truncate(time.Second)
	live := func(from, to time.Duration) {
		b.commit(b.job(syncjob.Fills, syncjob.Manual, syncjob.Live, nil, ""),
			reading{parts: []part{pastPart(now, exchange.Window{From: now.Add(-from), To: now.Add(-to)})}})
	}
	mark := func(table string) time.Time {
		var at time.Time
		require.NoError(t, b.db.QueryRow(t.Context(),
			`SELECT watermark FROM alphapulse.`+table+` WHERE data_type = 'fills'`).Scan(&at))
		return at.UTC()
	}
	live(3*time.Hour, time.Hour)
	live(3*time.Hour, 2*time.Hour)
	require.Equal(t, now.Add(-time.Hour), mark("sync_scopes"))
	require.Equal(t, now.Add(-time.Hour), mark("sync_state"))
}

func TestRule25CoverageKeepsWhatItHad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now().UTC().Truncate(time.Second)
	for _, days := range []int{1, 3, 2} {
		from := now.AddDate(0, 0, -days)
		b.commit(b.windowed(syncjob.TriggerBackfill, from, from.Add(24*time.Hour)),
			reading{parts: []part{pastPart(now, exchange.Window{From: from, To: from.Add(24 * time.Hour)})}})
	}
	require.True(t, b.covers(now.Add(-time.Hour)))
	require.True(t, b.covers(now.Add(-71*time.Hour)))
	require.Equal(t, "1", b.value(`SELECT (SELECT count(*) FROM unnest(covered))::text FROM alphapulse.sync_coverage`))
}

func TestAWatermarkStopsAtAGap(t *testing.T) {
	t.Parallel()
	day := func(from, to int) exchange.Window {
		return exchange.Window{From: time.Date(2026, 1, from, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, to, 0, 0, 0, 0, time.UTC)}
	}
	require.Equal(t, day(1, 4).To, part{covers: []exchange.Window{day(1, 2), day(2, 4)}}.watermark())
	require.Equal(t, day(1, 2).To, part{covers: []exchange.Window{day(1, 2), day(3, 4)}}.watermark())
}

// If the transaction of an outcome fails after the rows were written, nothing of
// the window is there: neither rows nor what says that it was read.
func TestRowsWatermarkAndCoverageAreStoredTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	job := b.job(syncjob.Fills, syncjob.Manual, syncjob.Live, nil, "")
	a := b.attempt(job)
	r := newFillsReader().(*fillsReader).walk(t.Context(), a, fillHistory(0), (&archive{
		fills: []exchange.Fill{fill("1", time.Now().Add(-time.Hour))},
	}).read)
	write := newStoring(a, r, ledger.Outcome{Status: syncjob.Succeeded}).alone
	broken := errors.New("the connection broke")
	_, err := b.ledger.Commit(t.Context(), job, ledger.Outcome{Status: syncjob.Succeeded}, func(
		ctx context.Context, tx pgx.Tx,
	) (ledger.Written, error) {
		written, err := write(ctx, tx)
		require.NoError(t, err)
		require.EqualValues(t, 1, written.Changed)
		return written, broken
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, "0 0 0 0", b.value(`
SELECT concat_ws(' ', (SELECT count(*) FROM alphapulse.fills), (SELECT count(*) FROM alphapulse.sync_scopes),
                 (SELECT count(*) FROM alphapulse.sync_coverage), (SELECT count(watermark) FROM alphapulse.sync_state))`))
}

// What the exchange forgets while a job reads is missing on one side only.
func TestNothingIsComparedCloseToTheHorizon(t *testing.T) {
	t.Parallel()
	now := time.Now()
	horizon := now.Add(-30 * 24 * time.Hour)
	whole := exchange.Window{From: horizon.Add(-week), To: horizon.Add(week)}
	s := stretch{horizon: horizon}
	window := ledger.Window(whole)
	for trigger, from := range map[syncjob.Trigger]time.Time{
		syncjob.TriggerVerify: horizon.Add(2 * time.Hour), syncjob.Repair: horizon.Add(2 * time.Hour),
		syncjob.TriggerBackfill: horizon,
	} {
		a := &attempt{job: &ledger.Claimed{Trigger: trigger, Window: &window}}
		known := knownHistory{}
		if trigger == syncjob.TriggerVerify {
			known.covered = []exchange.Window{whole}
		}
		require.Equal(t, []exchange.Window{{From: from, To: whole.To}}, a.wanted(s, known, now), "%s", trigger)
	}
}
