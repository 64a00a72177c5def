package ledger

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// quarantine puts a row of an account or of its market into quarantine.
func (b bundle) quarantine(s syncjob.Subject, t syncjob.DataType, payload string) int64 {
	b.t.Helper()
	var id int64
	require.NoError(b.t, b.db.QueryRow(b.ctx(), `
INSERT INTO alphapulse.quarantine (`+subjectColumn(s.Kind)+`, data_type, scope, row_key, reason, payload, payload_hash, run_id)
VALUES ($1, $2, 'linear', 'key', 'price is no number', $3, sha256($3::text::bytea), gen_random_uuid()) RETURNING id`,
		s.ID, string(t), payload).Scan(&id))
	return id
}

func TestQuarantineIsReadAgainPerAccountAndType(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.active("one"), b.active("two")
	subject := func(a Account) syncjob.Subject { return syncjob.Subject{Kind: syncjob.Account, ID: a.ID} }
	market := syncjob.Subject{Kind: syncjob.Market, ID: one.MarketID}
	ids := []int64{
		b.quarantine(subject(one), syncjob.Fills, "a"), b.quarantine(subject(one), syncjob.Orders, "b"),
		b.quarantine(subject(one), syncjob.Fills, "c"), b.quarantine(subject(two), syncjob.Fills, "d"),
		b.quarantine(market, syncjob.Instruments, "e"),
	}
	runs, err := b.RetryQuarantine(t.Context(), ids)
	require.NoError(t, err)
	require.Len(t, runs, 3)
	asked := map[string]map[syncjob.DataType]string{}
	for _, run := range runs {
		require.Equal(t, syncjob.Repair, run.Trigger)
		asked[run.Subject.ID] = map[syncjob.DataType]string{}
		for _, job := range b.jobsOf(run.ID) {
			claimed := b.claim(job.ID)
			require.Equal(t, syncjob.Backfill, claimed.Lane)
			require.Nil(t, claimed.Window)
			var params map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(claimed.Params, &params))
			asked[run.Subject.ID][job.DataType] = string(params[ParamQuarantine])
			b.commit(claimed, succeeded())
		}
		require.Equal(t, syncjob.RunSucceeded, b.fold(run.ID).Status)
	}
	text := func(ids ...int64) string {
		encoded, err := json.Marshal(ids)
		require.NoError(t, err)
		return string(encoded)
	}
	for subject, types := range asked {
		for dataType, list := range types {
			var compact []int64
			require.NoError(t, json.Unmarshal([]byte(list), &compact))
			asked[subject][dataType] = text(compact...)
		}
	}
	require.Equal(t, map[string]map[syncjob.DataType]string{
		one.ID:    {syncjob.Fills: text(ids[0], ids[2]), syncjob.Orders: text(ids[1])},
		two.ID:    {syncjob.Fills: text(ids[3])},
		market.ID: {syncjob.Instruments: text(ids[4])},
	}, asked)

	_, err = b.RetryQuarantine(t.Context(), []int64{ids[0], 1 << 40})
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, b.PauseAccount(t.Context(), one.ID, ""))
	_, err = b.RetryQuarantine(t.Context(), ids[:1])
	require.ErrorIs(t, err, ErrPaused)
}

func TestQuarantineIsListedDroppedAndPruned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	subject := syncjob.Subject{Kind: syncjob.Account, ID: account.ID}
	first := b.quarantine(subject, syncjob.Fills, "a")
	second := b.quarantine(subject, syncjob.Orders, "b")
	third := b.quarantine(syncjob.Subject{Kind: syncjob.Market, ID: account.MarketID}, syncjob.Prices, "c")
	list := func(f QuarantineFilter) (ids []int64) {
		rows, err := b.QuarantineRows(t.Context(), f)
		require.NoError(t, err)
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		return ids
	}
	require.Equal(t, []int64{third, second, first}, list(QuarantineFilter{}))
	require.Equal(t, []int64{second, first}, list(QuarantineFilter{SubjectID: account.ID}))
	require.Equal(t, []int64{first}, list(QuarantineFilter{DataType: syncjob.Fills}))
	require.Equal(t, []int64{second}, list(QuarantineFilter{BeforeID: third, Limit: 1}))
	row, err := b.QuarantineRow(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, []any{subject, "main", syncjob.Fills, "linear", "key", "price is no number", "a", int64(1)},
		[]any{row.Subject, row.Account, row.DataType, row.Scope, row.RowKey, row.Reason, row.Payload, row.Seen})
	_, err = b.QuarantineRow(t.Context(), 1<<40)
	require.ErrorIs(t, err, ErrNotFound)

	dropped, err := b.DropQuarantine(t.Context(), []int64{first, 1 << 40})
	require.NoError(t, err)
	require.Equal(t, 1, dropped)
	fourth := b.quarantine(subject, syncjob.Balances, "d")
	age := func(id int64, days int) {
		b.exec(`UPDATE alphapulse.quarantine SET last_seen_at = $2 WHERE id = $1`, id, time.Now().AddDate(0, 0, -days))
	}
	age(second, 91)
	age(third, 89)
	age(fourth, 91)
	pruned, err := b.PruneQuarantine(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, pruned)
	require.Equal(t, []int64{third, second}, list(QuarantineFilter{}), "nothing would bring a row of a history again")
}
