package api_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

const token = "a-token-of-this-test-0123456789"

func TestOtherThanLoopbackDemandsAToken(t *testing.T) {
	t.Parallel()
	for listen, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "": true,
		"0.0.0.0:0": false, ":8080": false, "10.0.0.1:80": false, "example.com:80": false, "8080": false,
	} {
		require.Equal(t, ok, api.Config{Listen: listen}.Validate() == nil, listen)
	}
	err := api.Config{Listen: "0.0.0.0:8080"}.Validate()
	require.ErrorContains(t, err, "ALPHAPULSE_TOKEN")
	require.NoError(t, api.Config{Listen: "0.0.0.0:8080", Token: vault.NewSecret(token)}.Validate())
	err = api.Config{Token: vault.NewSecret("short")}.Validate()
	require.ErrorContains(t, err, "at least 16")
	require.NotContains(t, err.Error(), "short")
}

func TestTheTokenIsDemandedOfCallsAndNotOfProbes(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.Token = vault.NewSecret(token) })
	call := func(authorization string) error {
		c := newClient(s.URL, connect.WithInterceptors(connect.UnaryInterceptorFunc(
			func(next connect.UnaryFunc) connect.UnaryFunc {
				return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
					if authorization != "" {
						req.Header().Set("Authorization", authorization)
					}
					return next(ctx, req)
				}
			})))
		_, err := c.ListAccounts(t.Context(), &controlv1.ListAccountsRequest{})
		return err
	}
	require.NoError(t, call("Bearer "+token))
	require.NoError(t, call("bearer "+token))
	for _, wrong := range []string{"", "Bearer", "Bearer x" + token, "Basic " + token, token, "Bearer " + token + "x"} {
		requireProblem(t, call(wrong), connect.CodeUnauthenticated, "token")
	}
	for _, path := range []string{"/livez", "/readyz"} {
		status, body := get(t, s.URL+path)
		require.Equal(t, http.StatusOK, status, body)
	}
}

func TestReadinessNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	status, body := get(t, s.URL+"/readyz")
	require.Equal(t, http.StatusOK, status, body)
	for _, check := range []string{"postgres", "schema", "jetstream"} {
		require.Contains(t, body, `"`+check+`"`)
	}
	require.Contains(t, body, `"note":"a power loss may take confirmed messages: SYNC_JOBS has one copy`)
	s.Broker.Stop()
	status, body = get(t, s.URL+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status, body)
	_, err := s.DB.Exec(t.Context(), `UPDATE alphapulse.schema_version SET version_id = 999 WHERE version_id = 2`)
	require.NoError(t, err)
	_, body = get(t, s.URL+"/readyz")
	require.Contains(t, body, "too new")
}

func TestWebPagesAreRefused(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	path := s.URL + "/alphapulse.control.v1.AccountService/ListAccounts"
	for name, test := range map[string]struct {
		header map[string]string
		host   string
		want   int
	}{
		"no origin":           {map[string]string{}, "", http.StatusOK},
		"a page of localhost": {map[string]string{"Origin": "http://localhost:3000"}, "", http.StatusOK},
		"another origin":      {map[string]string{"Origin": "https://evil.example.com"}, "", http.StatusForbidden},
		"a name alike":        {map[string]string{"Origin": "http://localhost.evil.example.com"}, "", http.StatusForbidden},
		"a sandboxed page":    {map[string]string{"Origin": "null"}, "", http.StatusForbidden},
		"a rebound name":      {map[string]string{}, "evil.example.com:80", http.StatusForbidden},
		"a form":              {map[string]string{"Content-Type": "text/plain"}, "", http.StatusUnsupportedMediaType},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("{}"))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/json")
			for key, value := range test.header {
				req.Header.Set(key, value)
			}
			req.Host = test.host
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer res.Body.Close()
			require.Equal(t, test.want, res.StatusCode)
		})
	}
}

func TestLargeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	request := addRequest("main")
	request.ApiSecret = strings.Repeat("x", 1<<20)
	_, err := newClient(s.URL).AddAccount(t.Context(), request)
	var told *connect.Error
	require.ErrorAs(t, err, &told)
	require.Equal(t, connect.CodeResourceExhausted, told.Code())
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	require.NoError(t, err)
	return res.StatusCode, string(body)
}
