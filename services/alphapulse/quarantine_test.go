package main

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

func TestQuarantine(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	account := s.Add(t, "main")
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "quarantine", "list").stdout, "no such rows")
	require.Contains(t, sh.ok(t, "quarantine", "retry", "--all").stdout, "nothing in quarantine")
	first := s.Quarantine(t, account.ID, "orders", `{"orderId":1}`)
	second := s.Quarantine(t, account.ID, "fills", "no \x1b[2J JSON")
	id := strconv.FormatInt(first, 10)

	out := sh.ok(t, "quarantine", "list", "main").stdout
	require.Contains(t, out, "orderId is no text")
	require.Contains(t, out, "linear/1")
	type list struct {
		Rows  []quarantinedView `json:"rows"`
		Total int64             `json:"total"`
	}
	narrow := decode[list](t, sh.ok(t, "quarantine", "list", "--type", "orders", "--json"))
	require.Len(t, narrow.Rows, 1)
	require.EqualValues(t, 1, narrow.Total)
	require.Contains(t, sh.ok(t, "quarantine", "list", "--limit", "1").stdout, "and 1 row more")
	require.Contains(t, sh.ok(t, "status", "main").stdout, "2 rows not understood; `alphapulse quarantine list main`")
	require.EqualValues(t, 2, decode[statusView](t, sh.ok(t, "status", "--json")).Accounts[0].Quarantined)

	require.Contains(t, sh.ok(t, "quarantine", "show", id).stdout, "\"orderId\": 1")
	require.JSONEq(t, `{"orderId":1}`, *decode[quarantinedView](t, sh.ok(t, "quarantine", "show", id, "--json")).Payload)
	require.NotContains(t, sh.ok(t, "quarantine", "show", strconv.FormatInt(second, 10)).stdout, "\x1b")

	s.Work(func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		s.Exec(t, `DELETE FROM alphapulse.quarantine WHERE id = $1`, first) // this one is understood now
		return apitest.Succeed(job)
	})
	retried := sh.run(t, "quarantine", "retry", "--all")
	require.Equal(t, exitPartial, retried.code)
	require.Contains(t, retried.stdout, "1 of 2 rows understood now.")
	retried = sh.run(t, "quarantine", "retry", strconv.FormatInt(second, 10), "--json")
	require.Equal(t, exitPartial, retried.code)
	require.Equal(t, "succeeded", decode[retryView](t, retried).Runs[0].Status)

	require.Contains(t, sh.ok(t, "quarantine", "drop", "--all").stdout, "1 row dropped.")
	gone := sh.run(t, "quarantine", "show", id)
	require.Equal(t, exitFailure, gone.code)
	require.Contains(t, gone.stderr, "quarantine list")
}
