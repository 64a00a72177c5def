package worker

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// An older snapshot that commits late changes nothing, whatever the newer ones
// did: a guard per row would let it back in after the second and the third.
func TestAnOlderSnapshotThatCommitsLateChangesNothing(t *testing.T) {
	t.Parallel()
	held := map[string]string{"BTC": "1", "DOGE": "5"}
	cases := map[string][]map[string]string{
		"after one that was unchanged":              {held},
		"after one that deleted the row":            {{"BTC": "1"}},
		"after one that a deleted row came back in": {{"BTC": "1"}, {"BTC": "1", "DOGE": "7"}},
	}
	for name, newer := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			start := time.Now().UTC().Truncate(time.Millisecond)
			b.commit(b.scheduled(), b.walked(start, held))
			for i, amounts := range newer {
				b.commit(b.scheduled(), b.walked(start.Add(time.Duration(i+2)*time.Second), amounts))
			}
			before := b.table()

			late := b.commit(b.scheduled(), b.walked(start.Add(time.Second), held))
			require.Equal(t, syncjob.Skipped, late.Status)
			require.Zero(t, late.Written.Changed+late.Written.Deleted)
			require.Equal(t, before, b.table())

			job := b.manual()
			late = b.commit(job, b.walked(start.Add(time.Second), held))
			require.Equal(t, syncjob.Waiting, late.Status, "who asked must not get data older than his call")
			require.Equal(t, before, b.table())
			var attempts int
			var reason string
			require.NoError(t, b.db.QueryRow(t.Context(), `
SELECT attempt, wait_reason FROM alphapulse.sync_jobs WHERE id = $1`, job.JobID).Scan(&attempts, &reason))
			require.Zero(t, attempts, "being superseded uses up no attempt")
			require.Equal(t, string(syncjob.WaitSuperseded), reason)
		})
	}
}

func TestAnUnchangedSnapshotWritesNoDataRow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	b.commit(b.scheduled(), b.walked(start, map[string]string{"BTC": "1.10"}))
	version := func() (xmin, runID string) {
		require.NoError(t, b.db.QueryRow(t.Context(), `
SELECT xmin::text, run_id::text FROM alphapulse.balances WHERE account_id = $1`, b.account).Scan(&xmin, &runID))
		return xmin, runID
	}
	xmin, runID := version()
	settled := b.commit(b.scheduled(), b.walked(start.Add(time.Second), map[string]string{"BTC": "1.1"}))
	require.Zero(t, settled.Written.Changed)
	again, sameRun := version()
	require.Equal(t, xmin, again, "1.10 and 1.1 are one amount")
	require.Equal(t, runID, sameRun)
}

func TestColumnsThatFollowTheMarketOpenNoHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	priced := func(asOf time.Time, usd exchange.Number) reading {
		snap := exchange.Snapshot[exchange.Balance]{Scope: "unified", AsOf: asOf, Complete: true, Rows: []exchange.Balance{
			{Wallet: "unified", Asset: "BTC", Total: "1", USDValue: usd},
		}}
		return reading{parts: []part{snapshotPart(snap, b.writer, balanceValues)}}
	}
	b.commit(b.scheduled(), priced(start, "60000"))
	settled := b.commit(b.scheduled(), priced(start.Add(time.Second), "61000"))
	require.Zero(t, settled.Written.Changed)
	var usd string
	var asOf time.Time
	var history int
	require.NoError(t, b.db.QueryRow(t.Context(), `
SELECT usd_value::text, as_of, (SELECT count(*) FROM alphapulse.balances_history) FROM alphapulse.balances`).
		Scan(&usd, &asOf, &history))
	require.Equal(t, "61000", usd, "brought up to date in place")
	require.True(t, asOf.Equal(start), "the row did not change")
	require.Equal(t, 1, history)
}

func TestHistoryHoldsEachChangeWithTheTimeItHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	b.commit(b.scheduled(), b.walked(at(0), map[string]string{"BTC": "1"}))
	b.commit(b.scheduled(), b.walked(at(1), map[string]string{"BTC": "2"}))
	b.commit(b.scheduled(), b.walked(at(2), map[string]string{}))
	b.commit(b.scheduled(), b.walked(at(3), map[string]string{"BTC": "2"}))
	rows, err := b.db.Query(t.Context(), `
SELECT total::text, valid_from, valid_to FROM alphapulse.balances_history ORDER BY valid_from`)
	require.NoError(t, err)
	defer rows.Close()
	type span struct {
		total    string
		from, to int
	}
	var got []span
	for rows.Next() {
		var total string
		var from time.Time
		var to *time.Time
		require.NoError(t, rows.Scan(&total, &from, &to))
		s := span{total: total, from: int(from.Sub(start) / time.Second), to: -1}
		if to != nil {
			s.to = int(to.Sub(start) / time.Second)
		}
		got = append(got, s)
	}
	require.Equal(t, []span{{"1", 0, 1}, {"2", 1, 2}, {"2", 3, -1}}, got)
}

func TestAnIncompleteWalkStoresGoodRowsAndDeletesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	b.commit(b.scheduled(), b.walked(start, map[string]string{"BTC": "1", "ETH": "2", "SOL": "3"}))
	snap := exchange.Snapshot[exchange.Balance]{
		Scope: "unified", AsOf: start.Add(time.Second), Complete: true,
		Rows:   []exchange.Balance{{Wallet: "unified", Asset: "BTC", Total: "9"}},
		Faults: []exchange.RowFault{{Key: "unified/ETH", Reason: "no number", Payload: []byte(`{"coin":"ETH"}`)}},
	}
	settled := b.commit(b.scheduled(), reading{parts: []part{snapshotPart(snap, b.writer, balanceValues)}})
	require.Equal(t, syncjob.Partial, settled.Status)
	require.Equal(t, []string{"BTC 9", "ETH 2"}, b.assets(), "a bad row with a key protects that key only")

	snap.AsOf = start.Add(2 * time.Second)
	snap.Faults = []exchange.RowFault{{Reason: "no coin"}}
	b.commit(b.scheduled(), reading{parts: []part{snapshotPart(snap, b.writer, balanceValues)}})
	require.Equal(t, []string{"BTC 9", "ETH 2"}, b.assets(), "a bad row without a key protects all")
}

func (b *bench) assets() []string {
	b.t.Helper()
	var list []string
	require.NoError(b.t, b.db.QueryRow(b.t.Context(), `
SELECT array_agg(asset || ' ' || total ORDER BY asset) FROM alphapulse.balances WHERE account_id = $1`, b.account).Scan(&list))
	return list
}

// An error that trying again cannot mend becomes the outcome, so that the job
// does not wait for its lease to end.
func TestWhatCannotBeStoredIsAnOutcomeOfClassDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	job := b.scheduled()
	log := queuetest.Discard()
	w := &Worker{writes: b.ledger, claims: b.ledger, leases: newLeases(b.ledger, func(string) {}, log), deps: Deps{Log: log}}
	w.group()
	res := result{
		outcome: ledger.Outcome{Status: syncjob.Succeeded},
		write: func(ctx context.Context, tx pgx.Tx) (ledger.Written, error) {
			_, err := tx.Exec(ctx, `SELECT 1 / 0`)
			return ledger.Written{}, err
		},
	}
	settled, err := w.commit(t.Context(), &lease{extended: time.Now()}, res, b.attempt(job))
	require.NoError(t, err)
	require.Equal(t, syncjob.Waiting, settled.Status)
	var class string
	require.NoError(t, b.db.QueryRow(t.Context(), `
SELECT error_class FROM alphapulse.sync_jobs WHERE id = $1`, job.JobID).Scan(&class))
	require.Equal(t, string(syncjob.Database), class)
}

// An upgrade of the account moves what the contract wallet had into the unified
// one.
func TestAWalletThatTheAccountHasNoLongerIsEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().UTC().Truncate(time.Millisecond)
	wallet := func(second int, scope exchange.Scope, all ...exchange.Scope) {
		snap := exchange.Snapshot[exchange.Balance]{
			Scope: scope, AsOf: start.Add(time.Duration(second) * time.Second), Complete: true,
			Rows: []exchange.Balance{{Wallet: string(scope), Asset: "BTC", Total: "1"}},
		}
		b.commit(b.scheduled(), reading{
			parts: []part{snapshotPart(snap, b.writer, balanceValues)}, whole: wholeOf(b.writer, all),
		})
	}
	held := func() string {
		return b.value(`SELECT string_agg(wallet, ' ' ORDER BY wallet) FROM alphapulse.balances`)
	}
	wallet(0, "contract", "contract", "unified")
	wallet(1, "unified", "contract", "unified")
	require.Equal(t, "contract unified", held())
	wallet(2, "unified", "unified")
	require.Equal(t, "unified", held())
	require.Equal(t, "unified", b.value(`SELECT string_agg(scope, ' ') FROM alphapulse.sync_scopes WHERE data_type = 'balances'`))
	require.Equal(t, "contract", b.value(`SELECT wallet FROM alphapulse.balances_history WHERE valid_to IS NOT NULL`))
}

func TestABookThatTheAccountHasNoLongerIsNotMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.liveFills(&archive{})
	job := b.job(syncjob.Fills, syncjob.Manual, syncjob.Live, nil, "")
	got := newFillsReader().(*fillsReader).walk(t.Context(), b.attempt(job), []exchange.History{{Scope: "spot", Window: week}}, (&archive{}).read)
	got.whole = &whole{scopes: []string{"spot"}}
	b.commit(job, got)
	require.Equal(t, "linear: "+goneScope, b.value(`
SELECT string_agg(scope || ': ' || unreadable, ' ') FROM alphapulse.sync_coverage WHERE unreadable IS NOT NULL`))
}
