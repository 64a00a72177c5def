package api_test

import (
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func audit(t *testing.T, c client, request *controlv1.ListAuditRequest) []*controlv1.AuditRecord {
	t.Helper()
	out, err := c.ListAudit(t.Context(), request)
	require.NoError(t, err)
	return out.GetRecords()
}

// Each change is in the log with who made it and what became of it, refused ones
// too; reads and dry runs are not.
func TestEachChangeIsAudited(t *testing.T) {
	t.Parallel()
	s, admin := guarded(t)
	s.Add(t, "main")
	ci, _ := newToken(t, s, admin, "ci", "read", "sync")
	started, err := ci.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main", Types: []string{"balances"}})
	require.NoError(t, err)
	_, err = ci.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main", DryRun: true})
	require.NoError(t, err)
	_, err = ci.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	require.NoError(t, err)
	_, err = ci.CancelRun(t.Context(), &controlv1.CancelRunRequest{Id: started.GetRun().GetId()})
	requireProblem(t, err, connect.CodePermissionDenied, "scope_operate")
	_, err = admin.CancelRun(t.Context(), &controlv1.CancelRunRequest{Id: started.GetRun().GetId()})
	require.NoError(t, err)
	_, err = ci.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "none"})
	requireProblem(t, err, connect.CodeNotFound, "account_not_found")

	type line struct{ actor, procedure, account, target, outcome string }
	var lines []line
	for _, r := range audit(t, admin, &controlv1.ListAuditRequest{}) {
		lines = append(lines, line{r.GetActor(), r.GetProcedure(), r.GetAccount(), r.GetTarget(), r.GetOutcome()})
		require.Equal(t, "127.0.0.1", r.GetRemoteAddress())
		require.Equal(t, r.GetActor() == "ci", r.GetTokenId() != 0)
		require.NotNil(t, r.GetFinishedAt())
	}
	run := started.GetRun().GetId()
	require.Equal(t, []line{
		{"ci", "RunService/StartSync", "none", "", "not_found"},
		{"static token", "RunService/CancelRun", "main", run, "ok"},
		{"ci", "RunService/CancelRun", "", run, "permission_denied"},
		{"ci", "RunService/StartSync", "main", "", "ok"},
		{"static token", "TokenService/CreateToken", "", "ci", "ok"},
	}, lines)
	_, err = ci.ListAudit(t.Context(), &controlv1.ListAuditRequest{})
	requireProblem(t, err, connect.CodePermissionDenied, "scope_admin")
}

func TestTheAuditLogIsListedInPages(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	for _, name := range []string{"a", "b", "a", "c", "a"} {
		_, err := c.PauseAccount(t.Context(), &controlv1.PauseAccountRequest{Name: name})
		requireProblem(t, err, connect.CodeNotFound, "account_not_found")
	}
	require.Len(t, audit(t, c, &controlv1.ListAuditRequest{Account: "a"}), 3)
	require.Len(t, audit(t, c, &controlv1.ListAuditRequest{Actor: "loopback"}), 5)
	require.Empty(t, audit(t, c, &controlv1.ListAuditRequest{Actor: "static token"}))
	require.Empty(t, audit(t, c, &controlv1.ListAuditRequest{Since: timestamppb.New(time.Now().Add(time.Hour))}))
	require.Len(t, audit(t, c, &controlv1.ListAuditRequest{Since: timestamppb.New(time.Now().Add(-time.Hour))}), 5)
	var names []string
	request := &controlv1.ListAuditRequest{PageSize: 2}
	for {
		page, err := c.ListAudit(t.Context(), request)
		require.NoError(t, err)
		for _, r := range page.GetRecords() {
			names = append(names, r.GetAccount())
		}
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			break
		}
	}
	require.Equal(t, "a,c,a,b,a", strings.Join(names, ","))
	for reason, wrong := range map[string]*controlv1.ListAuditRequest{
		"page_size": {PageSize: -1}, "page_token": {PageToken: "x"}, "name": {Account: "a b"},
	} {
		_, err := c.ListAudit(t.Context(), wrong)
		requireProblem(t, err, connect.CodeInvalidArgument, reason)
	}
}

// A key that comes with a request is in no row of the log.
func TestTheAuditLogHoldsNoKeys(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	_, err := c.AddAccount(t.Context(), addRequest("main"))
	require.NoError(t, err)
	_, err = c.SetKey(t.Context(), &controlv1.SetKeyRequest{Name: "main", ApiKey: knownKey + "2", ApiSecret: knownSecret})
	require.NoError(t, err)
	_, text := newToken(t, s, c, "ci", "read")
	var all string
	require.NoError(t, s.DB.QueryRow(t.Context(), `SELECT string_agg(a::text, ' ') FROM alphapulse.audit_log a`).Scan(&all))
	for _, secret := range []string{knownKey, knownSecret, text[len(text)-64:]} {
		require.NotContains(t, all, secret)
	}
	records := audit(t, c, &controlv1.ListAuditRequest{Account: "main"})
	require.Len(t, records, 2)
	require.Contains(t, records[0].GetRequest(), "[redacted]")
}

// A change that cannot be noted is not made; one whose outcome cannot be noted
// says so for good.
func TestWithoutAnAuditLogNothingChanges(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	c := newClient(s.URL)
	s.Exec(t, `ALTER TABLE alphapulse.audit_log ADD CONSTRAINT closed CHECK (procedure <> 'RunService/StartSync') NOT VALID`)
	_, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main"})
	requireProblem(t, err, connect.CodeInternal, "internal")
	runs, err := s.Ledger.Runs(t.Context(), ledgerManual())
	require.NoError(t, err)
	require.Empty(t, runs)

	s.Exec(t, `ALTER TABLE alphapulse.audit_log DROP CONSTRAINT closed`)
	s.Exec(t, `ALTER TABLE alphapulse.audit_log ADD CONSTRAINT closed CHECK (outcome IS NULL)`)
	_, err = c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main"})
	require.NoError(t, err)
	records := audit(t, c, &controlv1.ListAuditRequest{})
	require.Len(t, records, 1)
	require.Equal(t, "unknown", records[0].GetOutcome())
	require.Nil(t, records[0].GetFinishedAt())
}
