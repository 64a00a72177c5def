package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// sending adds headers to every request of a client.
func sending(headers map[string]string) connect.ClientOption {
	return connect.WithInterceptors(sender(headers))
}

type sender map[string]string

func (s sender) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		s.add(req.Header())
		return next(ctx, req)
	}
}

func (s sender) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		s.add(conn.RequestHeader())
		return conn
	}
}

func (s sender) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

func (s sender) add(header http.Header) {
	for name, value := range s {
		header.Set(name, value)
	}
}

func as(s *apitest.Server, text string) client {
	return newClient(s.URL, sending(map[string]string{"Authorization": "Bearer " + text}))
}

// guarded is an API that demands tokens, and the client of its own.
func guarded(t *testing.T, change ...func(*api.Config, *api.Deps)) (*apitest.Server, client) {
	t.Helper()
	change = append(change, func(c *api.Config, _ *api.Deps) { c.Token = vault.NewSecret(token) })
	s := apitest.New(t, change...)
	return s, as(s, token)
}

// newToken makes a token and gives a client that sends it, and its text.
func newToken(t *testing.T, s *apitest.Server, admin client, name string, scopes ...string) (client, string) {
	t.Helper()
	made, err := admin.CreateToken(t.Context(), &controlv1.CreateTokenRequest{Name: name, Scopes: scopes})
	require.NoError(t, err)
	return as(s, made.GetText()), made.GetText()
}

// A token does what its scopes allow, and no scope but admin brings another one.
func TestScopes(t *testing.T) {
	t.Parallel()
	s, admin := guarded(t)
	s.Add(t, "main")
	calls := map[string]func(client) error{
		"read": func(c client) error {
			_, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
			return err
		},
		"sync": func(c client) error {
			_, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main"})
			return err
		},
		"operate": func(c client) error {
			_, err := c.SetCadence(t.Context(), &controlv1.SetCadenceRequest{
				Name: "main", DataType: "balances", Every: durationpb.New(time.Minute),
			})
			return err
		},
		"admin": func(c client) error {
			_, err := c.ListTokens(t.Context(), &controlv1.ListTokensRequest{})
			return err
		},
	}
	for have := range calls {
		c, _ := newToken(t, s, admin, "only-"+have, have)
		for need, call := range calls {
			err := call(c)
			if have == need || have == "admin" {
				require.NoError(t, err, "%s with %s", need, have)
				continue
			}
			p := requireProblem(t, err, connect.CodePermissionDenied, "scope_"+need)
			require.Equal(t, "forbidden", p.GetClass())
			require.False(t, p.GetRetryHelps())
			require.Contains(t, p.GetNextStep(), need)
		}
	}
	runs, err := s.Ledger.Runs(t.Context(), ledgerManual())
	require.NoError(t, err)
	require.Len(t, runs, 1, "both syncs that were allowed are one run, and no other one began")
}

// A token that was revoked is refused at the next call, by an API that has just
// taken it, and a stream that is open under it ends.
func TestARevokedTokenIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s, admin := guarded(t, func(c *api.Config, _ *api.Deps) { c.PollInterval = 10 * time.Millisecond })
	s.Add(t, "main")
	c, text := newToken(t, s, admin, "ci", "read", "sync")
	started, err := c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "main", Types: []string{"balances"}})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream, err := c.WatchRun(ctx, &controlv1.WatchRunRequest{Id: started.GetRun().GetId()})
	require.NoError(t, err)
	defer stream.Close()
	require.True(t, stream.Receive())

	revoked, err := admin.RevokeToken(t.Context(), &controlv1.RevokeTokenRequest{Name: "ci"})
	require.NoError(t, err)
	require.Equal(t, "revoked", revoked.GetToken().GetStatus())
	_, err = c.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	requireProblem(t, err, connect.CodeUnauthenticated, "token_revoked")
	s.Work(apitest.Succeed) // the run has news, which the stream is not to bring
	require.False(t, stream.Receive())
	requireProblem(t, stream.Err(), connect.CodeUnauthenticated, "token_revoked")
	_, err = admin.RevokeToken(t.Context(), &controlv1.RevokeTokenRequest{Name: "ci"})
	requireProblem(t, err, connect.CodeNotFound, "token_not_found")

	other, _ := newToken(t, s, admin, "ci", "read") // the name is free
	_, err = other.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	require.NoError(t, err)
	_, err = as(s, text).GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	requireProblem(t, err, connect.CodeUnauthenticated, "token_revoked")
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	s, admin := guarded(t)
	made, err := admin.CreateToken(t.Context(), &controlv1.CreateTokenRequest{
		Name: "short", Scopes: []string{"read"}, ExpiresIn: durationpb.New(time.Hour),
	})
	require.NoError(t, err)
	require.InDelta(t, time.Hour.Seconds(),
		made.GetToken().GetExpiresAt().AsTime().Sub(made.GetToken().GetCreatedAt().AsTime()).Seconds(), 1)
	c := as(s, made.GetText())
	_, err = c.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	require.NoError(t, err)
	s.Exec(t, `UPDATE alphapulse.api_tokens SET expires_at = clock_timestamp() - interval '1 second' WHERE name = 'short'`)
	_, err = c.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	requireProblem(t, err, connect.CodeUnauthenticated, "token_expired")
	newToken(t, s, admin, "short", "read") // the name is free
	_, err = admin.CreateToken(t.Context(), &controlv1.CreateTokenRequest{Name: "short", Scopes: []string{"read"}})
	requireProblem(t, err, connect.CodeAlreadyExists, "name_taken")
}

func TestMistakesInANewToken(t *testing.T) {
	t.Parallel()
	_, admin := guarded(t)
	for reason, request := range map[string]*controlv1.CreateTokenRequest{
		"name":       {Name: "a b", Scopes: []string{"read"}},
		"scopes":     {Name: "a", Scopes: []string{"root"}},
		"expires_in": {Name: "a", Scopes: []string{"read"}, ExpiresIn: durationpb.New(-time.Hour)},
	} {
		_, err := admin.CreateToken(t.Context(), request)
		requireProblem(t, err, connect.CodeInvalidArgument, reason)
	}
	_, err := admin.CreateToken(t.Context(), &controlv1.CreateTokenRequest{Name: "a"})
	requireProblem(t, err, connect.CodeInvalidArgument, "scopes")
	_, err = admin.CreateToken(t.Context(), &controlv1.CreateTokenRequest{Name: "loopback", Scopes: []string{"read"}})
	requireProblem(t, err, connect.CodeInvalidArgument, "name")
}

// Where no token is demanded, one that is sent counts all the same.
func TestATokenCountsWhereNoneIsDemanded(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	open := newClient(s.URL)
	reader, text := newToken(t, s, open, "reader", "read")
	_, err := reader.ListTokens(t.Context(), &controlv1.ListTokensRequest{})
	requireProblem(t, err, connect.CodePermissionDenied, "scope_admin")
	_, err = as(s, text+"0").GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	requireProblem(t, err, connect.CodeUnauthenticated, "token")
	_, err = as(s, "of another API").GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	require.NoError(t, err)
	listed, err := open.ListTokens(t.Context(), &controlv1.ListTokensRequest{})
	require.NoError(t, err)
	require.Equal(t, "loopback", listed.GetTokens()[0].GetCreatedBy())
}

// Nothing that is stored or logged lets anybody use a token.
func TestTheTableDoesNotHoldTheToken(t *testing.T) {
	t.Parallel()
	s, admin := guarded(t)
	_, text := newToken(t, s, admin, "ci", "admin")
	secret := text[len(text)-64:]
	var row string
	require.NoError(t, s.DB.QueryRow(t.Context(), `SELECT t::text FROM alphapulse.api_tokens t`).Scan(&row))
	require.NotContains(t, row, secret)
	require.NotContains(t, row, text)
	var plain bool
	require.NoError(t, s.DB.QueryRow(t.Context(),
		`SELECT position(convert_to($1, 'UTF8') IN token_hash) > 0 OR token_hash = decode($1, 'hex') FROM alphapulse.api_tokens`,
		secret).Scan(&plain))
	require.False(t, plain)
}
