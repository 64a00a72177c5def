package api_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func under(s *apitest.Server, key string) client {
	return newClient(s.URL, sending(map[string]string{"Idempotency-Key": key}))
}

// A change under a key is made once; whoever asks again is told what the first
// one was, also when it would now do something else.
func TestAKeyMakesAChangeOnce(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	s.Add(t, "other")
	request := &controlv1.StartSyncRequest{Account: "main", Types: []string{"balances"}}
	first, err := under(s, "k1").StartSync(t.Context(), request)
	require.NoError(t, err)
	_, err = newClient(s.URL).CancelRun(t.Context(), &controlv1.CancelRunRequest{Id: first.GetRun().GetId()})
	require.NoError(t, err)
	again, err := under(s, "k1").StartSync(t.Context(), request)
	require.NoError(t, err)
	require.True(t, proto.Equal(first, again), "the answer of that time")
	runs, err := s.Ledger.Runs(t.Context(), ledgerManual())
	require.NoError(t, err)
	require.Len(t, runs, 1)

	_, err = under(s, "k1").StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "other"})
	requireProblem(t, err, connect.CodeAlreadyExists, "idempotency_key_used")
	_, err = under(s, "k1").CancelRun(t.Context(), &controlv1.CancelRunRequest{Id: first.GetRun().GetId()})
	requireProblem(t, err, connect.CodeAlreadyExists, "idempotency_key_used")
	fresh, err := under(s, "k2").StartSync(t.Context(), request)
	require.NoError(t, err)
	require.NotEqual(t, first.GetRun().GetId(), fresh.GetRun().GetId())

	var outcomes []string
	for _, r := range audit(t, newClient(s.URL), &controlv1.ListAuditRequest{Account: "main"}) {
		outcomes = append(outcomes, r.GetIdempotencyKey()+" "+r.GetOutcome())
	}
	require.Equal(t, []string{"k2 ok", "k1 repeated", " ok", "k1 ok"}, outcomes)
}

// Callers do not share their keys.
func TestKeysAreOfOneCaller(t *testing.T) {
	t.Parallel()
	s, admin := guarded(t)
	s.Add(t, "main")
	for _, name := range []string{"a", "b"} {
		_, text := newToken(t, s, admin, name, "operate")
		c := newClient(s.URL, sending(map[string]string{"Authorization": "Bearer " + text, "Idempotency-Key": "same"}))
		_, err := c.PauseAccount(t.Context(), &controlv1.PauseAccountRequest{Name: "main", Reason: name})
		require.NoError(t, err)
	}
	require.Equal(t, "b", s.Account(t, "main").Reason)
}

// A change that was refused was not made, so its key is free.
func TestARefusedChangeGivesItsKeyFree(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := under(s, "k")
	_, err := c.PauseAccount(t.Context(), &controlv1.PauseAccountRequest{Name: "main"})
	requireProblem(t, err, connect.CodeNotFound, "account_not_found")
	s.Add(t, "main")
	_, err = c.PauseAccount(t.Context(), &controlv1.PauseAccountRequest{Name: "main"})
	require.NoError(t, err)
}

// lock holds an account's row until it is let go.
func lock(t *testing.T, s *apitest.Server, name string) (letGo func()) {
	t.Helper()
	locked, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.DB.InTx(context.WithoutCancel(t.Context()), "hold", func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SELECT FROM alphapulse.accounts WHERE name = $1 FOR UPDATE`, name)
			close(locked)
			<-release
			return err
		})
	}()
	<-locked
	return func() {
		close(release)
		require.NoError(t, <-done)
	}
}

// While the first call is under way a second one makes nothing.
func TestAKeyIsBusyWhileTheChangeIsMade(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	request := &controlv1.PauseAccountRequest{Name: "main", Reason: "once"}
	c := under(s, "k")
	letGo := lock(t, s, "main")
	first := make(chan error, 1)
	go func() {
		_, err := c.PauseAccount(t.Context(), request)
		first <- err
	}()
	require.Eventually(t, func() bool {
		var n int
		return s.DB.QueryRow(t.Context(), `SELECT count(*) FROM alphapulse.idempotency_keys`).Scan(&n) == nil && n == 1
	}, 20*time.Second, 5*time.Millisecond)
	_, err := c.PauseAccount(t.Context(), request)
	p := requireProblem(t, err, connect.CodeAborted, "in_progress")
	require.True(t, p.GetRetryHelps())
	letGo()
	require.NoError(t, <-first)
	_, err = c.PauseAccount(t.Context(), request)
	require.NoError(t, err)
}

// Where nobody knows what became of the first call, no other one makes the
// change.
func TestAKeyInDoubtMakesNothing(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.CallTimeout = time.Second })
	s.Add(t, "main")
	request := &controlv1.PauseAccountRequest{Name: "main", Reason: "once"}
	c := under(s, "k")
	letGo := lock(t, s, "main")
	_, err := c.PauseAccount(t.Context(), request)
	require.Equal(t, connect.CodeDeadlineExceeded, connect.CodeOf(err))
	letGo()
	_, err = c.PauseAccount(t.Context(), request)
	p := requireProblem(t, err, connect.CodeAborted, "outcome_unknown")
	require.False(t, p.GetRetryHelps())
	require.NotEqual(t, "once", s.Account(t, "main").Reason)
}

func TestKeysThatAreNoneAndCallsThatTakeNone(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	for _, wrong := range []string{strings.Repeat("x", 256), "a b"} {
		_, err := under(s, wrong).PauseAccount(t.Context(), &controlv1.PauseAccountRequest{Name: "main"})
		requireProblem(t, err, connect.CodeInvalidArgument, "idempotency_key")
	}
	c := under(s, "k")
	_, err := c.CreateToken(t.Context(), &controlv1.CreateTokenRequest{Name: "a", Scopes: []string{"read"}})
	requireProblem(t, err, connect.CodeInvalidArgument, "idempotency_key")
	for range 2 { // reads and dry runs leave the key alone
		_, err = c.ListAccounts(t.Context(), &controlv1.ListAccountsRequest{})
		require.NoError(t, err)
	}
	var n int
	require.NoError(t, s.DB.QueryRow(t.Context(), `SELECT count(*) FROM alphapulse.idempotency_keys`).Scan(&n))
	require.Zero(t, n)
}

// A key works with plain HTTP and JSON too, and the answer says that it is one of
// an earlier call.
func TestAKeyWorksWithJSON(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Add(t, "main")
	post := func() (http.Header, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			s.URL+"/alphapulse.control.v1.RunService/StartSync", strings.NewReader(`{"account":"main"}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", "k")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode, string(body))
		return res.Header, string(body)
	}
	header, first := post()
	require.Empty(t, header.Get("Idempotent-Replayed"))
	header, again := post()
	require.Equal(t, "true", header.Get("Idempotent-Replayed"))
	require.JSONEq(t, first, again)
}
