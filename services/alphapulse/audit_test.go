package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestAuditList(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "audit", "list").stdout, "no such changes")
	s.Work(apitest.Succeed)
	sh.withKey().ok(t, "accounts", "add", "main", "--exchange", "bybit", "--env", "testnet")
	sh.ok(t, "accounts", "pause", "main", "--reason", "it is night")
	require.Equal(t, exitFailure, sh.run(t, "sync", "main").code)

	type list struct {
		Records []auditView `json:"records"`
		Next    string      `json:"next_page_token"`
	}
	all := decode[list](t, sh.ok(t, "audit", "list", "--account", "main", "--json"))
	require.Len(t, all.Records, 3)
	require.Equal(t, "RunService/StartSync", all.Records[0].Procedure)
	require.Equal(t, "failed_precondition", all.Records[0].Outcome)
	require.Equal(t, "AccountService/AddAccount", all.Records[2].Procedure)
	require.Equal(t, "ok", all.Records[2].Outcome)
	first := decode[list](t, sh.ok(t, "audit", "list", "--limit", "2", "--json"))
	require.Len(t, first.Records, 2)
	out := sh.ok(t, "audit", "list", "--page", first.Next, "--actor", "loopback", "--since", "2020-01-31").stdout
	require.Contains(t, out, "AddAccount")
	require.NotContains(t, out, "it is night")
	require.Contains(t, sh.ok(t, "audit", "list", "--limit", "1").stdout, "There are more: --page")
}
