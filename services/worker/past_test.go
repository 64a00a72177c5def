package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const week = 7 * 24 * time.Hour

// archive is an exchange's history of fills as far as a test needs one: what it
// holds, and the windows that it was asked for.
type archive struct {
	fills  []exchange.Fill
	faults []exchange.RowFault
	fault  *exchange.Error
	most   int // rows of a walk; 0: no limit
	asked  []exchange.Window
}

func (s *archive) read(_ context.Context, scope exchange.Scope, w exchange.Window) exchange.Snapshot[exchange.Fill] {
	s.asked = append(s.asked, w)
	snap := exchange.Snapshot[exchange.Fill]{Scope: scope, AsOf: time.Now(), Complete: true, Faults: s.faults}
	for _, f := range s.fills {
		if !f.ExecutedAt.Before(w.From) && f.ExecutedAt.Before(w.To) {
			snap.Rows = append(snap.Rows, f)
		}
	}
	if s.most > 0 && len(snap.Rows) > s.most {
		return exchange.Snapshot[exchange.Fill]{Scope: scope, AsOf: time.Now(), Err: &exchange.Error{
			Class: exchange.Incomplete, Code: exchange.TooManyPages,
		}}
	}
	if s.fault != nil {
		snap.Complete, snap.Err = false, s.fault
	}
	return snap
}

func fill(id string, at time.Time) exchange.Fill {
	return exchange.Fill{
		Category: "linear", ExecID: id, Symbol: "BTCUSDT", Side: "buy", ExecType: "Trade",
		Price: "0.000000012345", Quantity: "123456789012.5", Value: "0.123456789012345678", Sequence: "9007199254740993",
		ExecutedAt: at.UTC().Truncate(time.Millisecond),
	}
}

func fillHistory(depth time.Duration) []exchange.History {
	return []exchange.History{{Scope: "linear", Window: week, Depth: depth, Lag: 10 * time.Minute}}
}

// job makes a job of its own run and claims it. A window of nil is none.
func (b *bench) job(
	t syncjob.DataType, trigger syncjob.Trigger, lane syncjob.Lane, window *ledger.Window, params string,
) *ledger.Claimed {
	b.t.Helper()
	run, job := uuid.NewString(), uuid.NewString()
	b.exec(`INSERT INTO alphapulse.sync_runs (id, account_id, requested_types, trigger, jobs_total, started_at, deadline_at)
	        VALUES ($1, $2, ARRAY[$3::text], $4, 1, clock_timestamp(), clock_timestamp() + interval '5 minutes')`,
		run, b.account, string(t), string(trigger))
	var from, to *time.Time
	if window != nil {
		from, to = &window.From, &window.To
	}
	b.exec(`INSERT INTO alphapulse.sync_jobs
	            (id, run_id, account_id, data_type, lane, trigger, consumer, max_attempts, "window", params, published_at)
	        VALUES ($1, $2, $3, $4, $5, $6, 'c', 5, CASE WHEN $7::timestamptz IS NOT NULL THEN tstzrange($7, $8) END,
	                nullif($9, '')::jsonb, clock_timestamp())`,
		job, run, b.account, string(t), string(lane), string(trigger), from, to, params)
	claimed, refusal, err := b.ledger.Claim(b.t.Context(), ledger.ClaimRequest{JobID: job, Claim: uuid.NewString(), Owner: "test"})
	require.NoError(b.t, err)
	require.NotNil(b.t, claimed, "%+v", refusal)
	return claimed
}

// walkFills reads and commits fills as a job of the kind would.
func (b *bench) walkFills(job *ledger.Claimed, s *archive, depth time.Duration) ledger.Settled {
	b.t.Helper()
	r := newFillsReader().(*fillsReader)
	return b.commit(job, r.walk(b.t.Context(), b.attempt(job), fillHistory(depth), s.read))
}

func (b *bench) liveFills(s *archive) ledger.Settled {
	b.t.Helper()
	return b.walkFills(b.job(syncjob.Fills, syncjob.Manual, syncjob.Live, nil, ""), s, 0)
}

func (b *bench) windowed(trigger syncjob.Trigger, from, to time.Time) *ledger.Claimed {
	return b.job(syncjob.Fills, trigger, syncjob.Backfill, &ledger.Window{From: from, To: to}, "")
}

func (b *bench) value(sql string, args ...any) string {
	b.t.Helper()
	var text *string
	require.NoError(b.t, b.db.QueryRow(b.t.Context(), sql, args...).Scan(&text))
	if text == nil {
		return "NULL"
	}
	return *text
}

// covers reports whether the coverage of the fills holds an instant.
func (b *bench) covers(at time.Time) bool {
	return b.value(`SELECT (SELECT covered @> $1::timestamptz FROM alphapulse.sync_coverage WHERE data_type = 'fills')::text`, at) == "true"
}

func TestAHistoryIsExactAndAnUnchangedOneWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{fills: []exchange.Fill{fill("1", now.Add(-time.Hour)), fill("2", now.Add(-48*time.Hour))}}
	require.EqualValues(t, 2, b.liveFills(s).Written.Changed)
	require.Equal(t, "0.000000012345 123456789012.5 0.123456789012345678 9007199254740993", b.value(`
SELECT concat_ws(' ', price, quantity, value, sequence) FROM alphapulse.fills WHERE exec_id = '1'`))
	mark := b.value(`SELECT watermark::text FROM alphapulse.sync_scopes WHERE data_type = 'fills'`)
	require.True(t, b.covers(now.Add(-6*24*time.Hour)))
	require.True(t, b.covers(now.Add(-11*time.Minute)))
	require.False(t, b.covers(now.Add(-9*time.Minute)), "what the exchange may not show yet is not covered")

	before := b.value(`SELECT jsonb_agg(to_jsonb(f) ORDER BY exec_id)::text FROM alphapulse.fills f`)
	settled := b.liveFills(s)
	require.Equal(t, syncjob.Succeeded, settled.Status)
	require.Zero(t, settled.Written.Changed)
	require.Equal(t, before, b.value(`SELECT jsonb_agg(to_jsonb(f) ORDER BY exec_id)::text FROM alphapulse.fills f`))
	require.Less(t, mark, b.value(`SELECT watermark::text FROM alphapulse.sync_scopes WHERE data_type = 'fills'`))
	require.WithinDuration(t, now.Add(-10*time.Minute), s.asked[1].From, time.Minute, "the second walk goes on from the watermark")
	require.Equal(t, "1", b.value(`SELECT (SELECT count(*) FROM unnest(covered))::text FROM alphapulse.sync_coverage WHERE data_type = 'fills'`))
}

// TestAFillStaysAsItWasFirstStored: what differs later is for a verification to find. One
// that is read again counts for nothing.
func TestAFillStaysAsItWasFirstStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{fills: []exchange.Fill{fill("1", now.Add(-5*time.Minute))}}
	require.EqualValues(t, 1, b.liveFills(s).Written.Changed)
	const rows = `SELECT jsonb_agg(to_jsonb(f) || jsonb_build_object('xmin', f.xmin) ORDER BY exec_id)::text FROM alphapulse.fills f`
	before := b.value(rows)
	s.fills[0].Price = "7"
	require.Zero(t, b.liveFills(s).Written.Changed)
	require.Equal(t, before, b.value(rows))
	s.fills = append(s.fills, fill("2", now.Add(-4*time.Minute)))
	require.EqualValues(t, 1, b.liveFills(s).Written.Changed, "beside one that is new")
}

func TestABackfillAddsRowsAndCoverageAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{fills: []exchange.Fill{fill("old", now.Add(-20*24*time.Hour))}}
	b.liveFills(s)
	rest := func() string {
		return b.value(`SELECT concat((SELECT jsonb_agg(to_jsonb(s)) FROM alphapulse.sync_scopes s),
		                              (SELECT jsonb_agg(to_jsonb(s)) FROM alphapulse.sync_state s))`)
	}
	before := rest()
	from, to := now.Add(-21*24*time.Hour), now.Add(-14*24*time.Hour)
	settled := b.walkFills(b.windowed(syncjob.TriggerBackfill, from, to), s, 0)
	require.Equal(t, syncjob.Succeeded, settled.Status)
	require.EqualValues(t, 1, settled.Written.Changed)
	require.True(t, b.covers(from))
	require.False(t, b.covers(to), "the week between is a hole")
	require.Equal(t, before, rest())

	s.asked = nil
	b.walkFills(b.windowed(syncjob.TriggerBackfill, from, to), s, 0)
	require.Empty(t, s.asked, "what is covered is not read again")
	b.walkFills(b.windowed(syncjob.TriggerBackfill, from.Add(-time.Hour), to.Add(time.Hour)), s, 0)
	require.Len(t, s.asked, 2, "only what is missing on either side")
}

func TestWhatTheExchangeForgotIsTheHorizonAndNotMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{}
	b.walkFills(b.windowed(syncjob.TriggerBackfill, now.Add(-40*24*time.Hour), now.Add(-33*24*time.Hour)), s, 30*24*time.Hour)
	require.Empty(t, s.asked)
	require.Equal(t, "true", b.value(`
SELECT (horizon BETWEEN $1 AND $2)::text FROM alphapulse.sync_coverage WHERE data_type = 'fills'`,
		now.Add(-30*24*time.Hour-time.Minute), now.Add(-30*24*time.Hour+time.Minute)))
	b.walkFills(b.windowed(syncjob.TriggerBackfill, now.Add(-33*24*time.Hour), now.Add(-26*24*time.Hour)), s, 30*24*time.Hour)
	require.WithinDuration(t, now.Add(-30*24*time.Hour), s.asked[0].From, time.Minute)
	require.False(t, b.covers(now.Add(-31*24*time.Hour)))
}

func TestAWalkOfTooManyPagesIsReadInHalves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{most: 10}
	for i := range 100 {
		s.fills = append(s.fills, fill(fmt.Sprint(i), now.Add(-time.Duration(i)*time.Hour)))
	}
	settled := b.liveFills(s)
	require.Equal(t, syncjob.Succeeded, settled.Status)
	require.EqualValues(t, 100, settled.Written.Changed)
}

func TestAFaultKeepsWhatWasReadBeforeIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{fills: []exchange.Fill{fill("1", now.Add(-time.Hour))}, fault: &exchange.Error{
		Class: exchange.Incomplete, Message: "the cursor led back",
	}}
	settled := b.liveFills(s)
	require.Equal(t, syncjob.Partial, settled.Status)
	require.EqualValues(t, 1, settled.Written.Changed, "good rows are stored")
	require.False(t, b.covers(now.Add(-24*time.Hour)), "but nothing counts as complete")
	require.Equal(t, "NULL", b.value(`SELECT watermark::text FROM alphapulse.sync_scopes WHERE data_type = 'fills'`))
}

// Giving up would throw away what the limit was spent on: an attempt that has
// read a window waits. One that has read nothing leaves its slot to another.
func TestALimitInTheMiddleOfAWalkIsSatOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{fills: []exchange.Fill{fill("1", now.Add(-30*24*time.Hour)), fill("2", now.Add(-20*24*time.Hour))}}
	limited := 0
	read := func(ctx context.Context, scope exchange.Scope, w exchange.Window) exchange.Snapshot[exchange.Fill] {
		if len(s.asked) == 1 && limited < 2 {
			limited++
			return exchange.Snapshot[exchange.Fill]{Scope: scope, Err: &exchange.Error{
				Class: exchange.RateLimited, Code: "10006", RetryAt: time.Now().Add(time.Millisecond),
			}}
		}
		return s.read(ctx, scope, w)
	}
	job := b.windowed(syncjob.TriggerBackfill, now.Add(-40*24*time.Hour), now.Add(-10*24*time.Hour))
	r := newFillsReader().(*fillsReader)
	settled := b.commit(job, r.walk(t.Context(), b.attempt(job), fillHistory(0), read))
	require.Equal(t, syncjob.Succeeded, settled.Status)
	require.Equal(t, 2, limited)
	require.EqualValues(t, 2, settled.Written.Changed)

	fault := &exchange.Error{Class: exchange.RateLimited, RetryAt: time.Now().Add(time.Hour)}
	a := b.attempt(job)
	require.False(t, a.sitsOut(t.Context(), &exchange.Error{Class: exchange.RateLimited, RetryAt: time.Now()}), "nothing was read")
	a.paid = true
	require.True(t, a.sitsOut(t.Context(), &exchange.Error{Class: exchange.RateLimited, RetryAt: time.Now()}))
	require.False(t, a.sitsOut(t.Context(), fault), "too long for a slot")
	require.False(t, a.sitsOut(t.Context(), &exchange.Error{Class: exchange.Transient, RetryAt: time.Now()}))
	a.claimedAt = a.claimedAt.Add(-job.Timeout)
	require.False(t, a.sitsOut(t.Context(), &exchange.Error{Class: exchange.RateLimited, RetryAt: time.Now()}), "no time is left")
}

// What a limit or the end of its time cuts off keeps what it has read: the hole is
// known, and the next job does not begin anew.
func TestWhatIsCutOffKeepsWhatItRead(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]*exchange.Error{
		"a limit that lasts":  {Class: exchange.RateLimited, Code: "10006", RetryAt: time.Now().Add(time.Hour)},
		"the end of the time": {Class: exchange.Transient, Message: "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			now := time.Now()
			s := &archive{fills: []exchange.Fill{fill("1", now.Add(-30*24*time.Hour)), fill("2", now.Add(-20*24*time.Hour))}}
			ctx, cancel := context.WithCancelCause(t.Context())
			read := func(_ context.Context, scope exchange.Scope, w exchange.Window) exchange.Snapshot[exchange.Fill] {
				if len(s.asked) == 2 {
					if fault.Class == exchange.Transient {
						cancel(errTimeUp)
					}
					return exchange.Snapshot[exchange.Fill]{Scope: scope, Err: fault}
				}
				return s.read(ctx, scope, w)
			}
			job := b.windowed(syncjob.TriggerBackfill, now.Add(-40*24*time.Hour), now.Add(-10*24*time.Hour))
			a := b.attempt(job)
			got := newFillsReader().(*fillsReader).walk(ctx, a, fillHistory(0), read)
			cancel(nil)
			settled := b.commit(job, got)
			require.Equal(t, syncjob.Partial, settled.Status)
			require.EqualValues(t, 1, settled.Written.Changed)
			require.True(t, b.covers(now.Add(-30*24*time.Hour)))
			require.False(t, b.covers(now.Add(-20*24*time.Hour)))

			s.asked = nil
			again := b.walkFills(b.windowed(syncjob.TriggerBackfill, now.Add(-40*24*time.Hour), now.Add(-10*24*time.Hour)), s, 0)
			require.Equal(t, syncjob.Succeeded, again.Status)
			require.EqualValues(t, 1, again.Written.Changed)
			require.Len(t, s.asked, 3, "not from the beginning")
		})
	}
}

func TestOneCommitIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{fills: []exchange.Fill{fill("1", now.Add(-30*24*time.Hour)), fill("2", now.Add(-20*24*time.Hour))}}
	job := b.windowed(syncjob.TriggerBackfill, now.Add(-40*24*time.Hour), now.Add(-10*24*time.Hour))
	a := b.attempt(job)
	a.rows = mostRows - 1
	settled := b.commit(job, newFillsReader().(*fillsReader).walk(t.Context(), a, fillHistory(0), s.read))
	require.Equal(t, syncjob.Partial, settled.Status)
	require.EqualValues(t, 1, settled.Written.Changed)
}

// A withdrawal has no time of its last change until it is over: there the later
// reading is right, whichever commits last.
func TestAnEarlierReadingDoesNotPutAnEntryBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now().Truncate(time.Millisecond)
	write := func(status string, asOf time.Time) {
		entry := exchange.LedgerEntry{Source: "withdrawal", EntryID: "1", Asset: "USDT", Status: status, OccurredAt: now.Add(-time.Hour)}
		w := snapshot.NewWriter(ledgerTable())
		batch := &pgx.Batch{}
		var tally snapshot.Tally
		stamp := snapshot.Stamp{SubjectID: b.account, RunID: uuid.NewString(), Scope: "withdrawal", AsOf: asOf}
		w.Upsert(batch, stamp, snapshot.Collect(w.Table(), []exchange.LedgerEntry{entry}, ledgerValues), &tally)
		require.NoError(t, b.db.SendBatch(t.Context(), batch).Close())
	}
	write("done", now)
	write("under way", now.Add(-time.Minute))
	require.Equal(t, "done", b.value(`SELECT status FROM alphapulse.ledger`))
	write("returned", now.Add(time.Minute))
	require.Equal(t, "returned", b.value(`SELECT status FROM alphapulse.ledger`))
}

func TestAScopeThatCannotBeReadSaysSoInItsCoverage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := &archive{fault: &exchange.Error{Class: exchange.Permission, Message: "the key lacks the permission"}}
	require.Equal(t, syncjob.Failed, b.liveFills(s).Status)
	unreadable := `SELECT unreadable FROM alphapulse.sync_coverage WHERE data_type = 'fills'`
	require.Equal(t, "the key lacks the permission", b.value(unreadable))
	s.fault = nil
	b.liveFills(s)
	require.Equal(t, "NULL", b.value(unreadable))
}

func TestABadRowGoesIntoQuarantineAndStopsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{
		fills:  []exchange.Fill{fill("good", now.Add(-time.Hour))},
		faults: []exchange.RowFault{{Key: "linear/bad", Reason: "execPrice: true cannot be read as amount", Payload: []byte(`{"execId":"bad","execPrice":true}`)}},
	}
	settled := b.liveFills(s)
	require.Equal(t, syncjob.Partial, settled.Status)
	require.EqualValues(t, 1, settled.Written.Changed)
	require.True(t, b.covers(now.Add(-24*time.Hour)), "the row is seen where it is, and its window is read")
	row := `SELECT concat_ws('|', data_type, scope, row_key, seen, payload) FROM alphapulse.quarantine`
	require.Equal(t, `fills|linear|linear/bad|1|{"execId":"bad","execPrice":true}`, b.value(row))
	b.liveFills(s)
	require.Equal(t, `fills|linear|linear/bad|2|{"execId":"bad","execPrice":true}`, b.value(row), "met again, it counts up")
}

// parser understands every payload but those that say bad.
type parser struct{ exchange.Prober }

func (parser) Reparse(_ string, _ exchange.Scope, payload []byte) (exchange.Keyed, *exchange.RowFault) {
	if string(payload) == "bad" {
		return nil, &exchange.RowFault{Reason: "still bad", Payload: payload}
	}
	return fill(string(payload), time.Now().Add(-time.Hour)), nil
}

func TestARowThatIsUnderstoodNowLeavesTheQuarantine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := &archive{faults: []exchange.RowFault{
		{Key: "linear/1", Reason: "r", Payload: []byte("first")}, {Reason: "r", Payload: []byte("bad")},
	}}
	b.liveFills(s)
	ids := b.value(`SELECT json_agg(id ORDER BY id)::text FROM alphapulse.quarantine`)
	job := b.job(syncjob.Fills, syncjob.Repair, syncjob.Backfill, nil, `{"quarantine":`+ids+`}`)
	a := b.attempt(job)
	a.account = parser{}
	res := a.retryQuarantine(t.Context(), toRetry(job), newFillsReader())
	settled, err := b.ledger.Commit(t.Context(), job, res.outcome, res.write)
	require.NoError(t, err)
	require.Equal(t, syncjob.Partial, settled.Status)
	require.Equal(t, "first", b.value(`SELECT string_agg(exec_id, ',') FROM alphapulse.fills`))
	require.Equal(t, "bad still bad t", b.value(`
SELECT concat_ws(' ', payload, reason, retried_at IS NOT NULL) FROM alphapulse.quarantine`))
}

// drifts lists what a verification found, one line a column.
func (b *bench) drifts(job *ledger.Claimed) []string {
	b.t.Helper()
	rows, err := b.db.Query(b.t.Context(), `
SELECT concat_ws(' ', kind, row_key, column_name, coalesce(stored_value, '-'), coalesce(exchange_value, '-'))
FROM alphapulse.drift WHERE job_id = $1 ORDER BY row_key, column_name`, job.JobID)
	require.NoError(b.t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	return list
}

func TestVerifyFindsEachDriftOfAHistoryAndARepairMendsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	s := &archive{fills: []exchange.Fill{fill("1", now.Add(-time.Hour)), fill("2", now.Add(-2*time.Hour)), fill("3", now.Add(-3*time.Hour))}}
	b.liveFills(s)
	from, to := now.Add(-6*24*time.Hour), now.Add(time.Hour)
	verify := func() []string {
		job := b.windowed(syncjob.TriggerVerify, from, to)
		require.Equal(t, syncjob.Succeeded, b.walkFills(job, s, 0).Status)
		return b.drifts(job)
	}
	require.Empty(t, verify())

	b.exec(`UPDATE alphapulse.fills SET price = price + 0.000000000001 WHERE exec_id = '1'`)
	b.exec(`DELETE FROM alphapulse.fills WHERE exec_id = '2'`)
	b.exec(`INSERT INTO alphapulse.fills SELECT account_id, category, 'extra', order_id, client_order_id, symbol, side, exec_type,
	        order_type, price, quantity, value, fee, fee_asset, fee_rate, closed_quantity, mark_price, index_price, is_maker,
	        sequence, executed_at, scope, run_id, as_of, observed_at FROM alphapulse.fills WHERE exec_id = '3'`)
	planted := []string{
		"changed linear/1 price 0.000000012346 0.000000012345", "missing linear/2 - -", "extra linear/extra - -",
	}
	require.ElementsMatch(t, planted, verify())
	require.ElementsMatch(t, planted, verify(), "verifying writes nothing")

	b.liveFills(s)
	require.NotEmpty(t, verify(), "a fill that is stored is not written over")
	settled := b.walkFills(b.windowed(syncjob.Repair, from, to), s, 0)
	require.Equal(t, syncjob.Succeeded, settled.Status)
	require.EqualValues(t, 1, settled.Written.Deleted)
	require.Empty(t, verify())
}

func TestVerifyTellsDriftOfASnapshotFromWhatMoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().Add(-3 * time.Second)
	b.commit(b.manual(), b.walked(start, map[string]string{"A": "1", "B": "2", "C": "3"}))
	verify := func(asOf time.Time, amounts map[string]string) []string {
		job := b.job(syncjob.Balances, syncjob.TriggerVerify, syncjob.Backfill, nil, "")
		require.Equal(t, syncjob.Succeeded, b.commit(job, b.walked(asOf, amounts)).Status)
		return b.drifts(job)
	}
	later := start.Add(time.Second)
	require.Empty(t, verify(later, map[string]string{"A": "1", "B": "2.5", "D": "4"}), "B and D moved, C went")
	require.Equal(t, "3", b.value(`SELECT rows_moved::text FROM alphapulse.verifications`))

	b.exec(`UPDATE alphapulse.balances SET total = 1.000000000000000001 WHERE asset = 'A'`)
	b.exec(`DELETE FROM alphapulse.balances WHERE asset = 'B'`)
	b.exec(`INSERT INTO alphapulse.balances (account_id, wallet, asset, total, run_id, as_of, observed_at)
	        SELECT account_id, wallet, 'X', total, run_id, as_of, observed_at FROM alphapulse.balances WHERE asset = 'C'`)
	now := map[string]string{"A": "1", "B": "2", "C": "3"}
	require.ElementsMatch(t, []string{
		"changed unified/A total 1.000000000000000001 1", "missing unified/B - -", "extra unified/X - -",
	}, verify(later, now))

	repair := b.job(syncjob.Balances, syncjob.Repair, syncjob.Live, nil, "")
	require.Equal(t, syncjob.Succeeded, b.commit(repair, b.walked(later, now)).Status)
	require.Empty(t, verify(later.Add(time.Second), now))
	require.Equal(t, []string{"A 1", "B 2", "C 3"}, b.assets())
}

func TestAVerificationOlderThanTheTableReadsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := time.Now().Add(-time.Second)
	b.commit(b.manual(), b.walked(at, map[string]string{"A": "1"}))
	job := b.job(syncjob.Balances, syncjob.TriggerVerify, syncjob.Backfill, nil, "")
	require.Equal(t, syncjob.Waiting, b.commit(job, b.walked(at.Add(-time.Second), map[string]string{"A": "2"})).Status)
	require.Empty(t, b.drifts(job))
}
