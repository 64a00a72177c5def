package api_test

import (
	"bytes"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestAddAccountSealsTheKeyAndProbesIt(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := apitest.New(t, func(_ *api.Config, d *api.Deps) {
		logger := logrus.New()
		logger.SetOutput(&log)
		logger.SetLevel(logrus.TraceLevel)
		d.Log = logrus.NewEntry(logger)
	})
	c := newClient(s.URL)

	added, err := c.AddAccount(t.Context(), addRequest("main"))
	require.NoError(t, err)
	require.Equal(t, "pending", added.GetAccount().GetStatus())
	require.Equal(t, "https://api-testnet.example.com", added.GetAccount().GetBaseUrl())
	require.Equal(t, "probe", added.GetProbe().GetTrigger())

	var sealed []byte
	const read = `SELECT sealed FROM alphapulse.account_credentials WHERE account_id = $1 AND version = 1`
	require.NoError(t, s.DB.QueryRow(t.Context(), read, added.GetAccount().GetId()).Scan(&sealed))
	require.NotContains(t, string(sealed), knownSecret)
	opened, err := s.Opener.Open(added.GetAccount().GetId(), 1, sealed)
	require.NoError(t, err)
	require.Equal(t, knownKey, opened.Key.Reveal())
	require.Equal(t, knownSecret, opened.Secret.Reveal())

	s.Work(apitest.Succeed)
	require.Equal(t, "succeeded", last(watch(t, c, added.GetProbe().GetId())).GetStatus())
	got, err := c.GetAccount(t.Context(), &controlv1.GetAccountRequest{Name: "main"})
	require.NoError(t, err)
	require.Equal(t, "active", got.GetAccount().GetStatus())
	require.Equal(t, "424242", got.GetAccount().GetExchangeUid())
	require.Equal(t, "Wallet", got.GetAccount().GetKeyPermissions()[0].GetGroup())
	require.NotNil(t, got.GetAccount().GetKeyExpiresAt())

	s.Stop()
	require.Contains(t, log.String(), "account added")
	require.NotContains(t, log.String(), knownKey)
	require.NotContains(t, log.String(), knownSecret)
}

func TestAddAccountRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	for name, test := range map[string]struct {
		change func(*controlv1.AddAccountRequest)
		reason string
		says   string
	}{
		"no name":          {func(r *controlv1.AddAccountRequest) { r.Name = "" }, "name", "cannot be the name"},
		"a path":           {func(r *controlv1.AddAccountRequest) { r.Name = "../x" }, "name", "cannot be the name"},
		"a long name":      {func(r *controlv1.AddAccountRequest) { r.Name = string(bytes.Repeat([]byte("a"), 65)) }, "name", "cannot be"},
		"unknown exchange": {func(r *controlv1.AddAccountRequest) { r.Exchange = "mtgox" }, "unknown_exchange", "use bybit"},
		"unknown environment": {
			func(r *controlv1.AddAccountRequest) { r.Environment = "moon" }, "unknown_exchange", "mainnet, testnet",
		},
		"no secret":        {func(r *controlv1.AddAccountRequest) { r.ApiSecret = "" }, "key", "API secret is missing"},
		"a key with space": {func(r *controlv1.AddAccountRequest) { r.ApiKey = knownKey + " x" }, "key", "holds a space"},
		"plain http": {
			func(r *controlv1.AddAccountRequest) { r.BaseUrl = "http://exchange.example.com" }, "base_url", "--stand-in",
		},
		"credentials in the URL": {
			func(r *controlv1.AddAccountRequest) { r.BaseUrl = "https://a:hunter2@example.com" }, "base_url", "user name",
		},
		"a query": {
			func(r *controlv1.AddAccountRequest) { r.BaseUrl = "https://example.com/?x=hunter2" }, "base_url", "without ?",
		},
		"no host":        {func(r *controlv1.AddAccountRequest) { r.BaseUrl = "https://" }, "base_url", "names no host"},
		"another scheme": {func(r *controlv1.AddAccountRequest) { r.BaseUrl = "ftp://example.com" }, "base_url", "must begin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := addRequest("main")
			test.change(request)
			_, err := c.AddAccount(t.Context(), request)
			p := requireProblem(t, err, connect.CodeInvalidArgument, test.reason)
			require.False(t, p.GetRetryHelps())
			require.Contains(t, message(err), test.says)
			for _, secret := range []string{knownKey, knownSecret, "hunter2"} {
				require.NotContains(t, message(err), secret)
			}
		})
	}
	t.Cleanup(func() {
		list, err := s.Ledger.Accounts(t.Context())
		if err == nil {
			require.Empty(t, list)
		}
	})
}

func TestBaseURLIsOneSpellingPerMarket(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	for name, test := range map[string]struct {
		given   string
		standIn bool
		want    string
	}{
		"loopback over http": {"http://127.0.0.1:9000/", false, "http://127.0.0.1:9000"},
		"localhost":          {"http://LOCALHOST:80", false, "http://localhost"},
		"upper case, port":   {"HTTPS://API.Example.com:443/", false, "https://api.example.com"},
		"a path":             {"https://proxy.example.com/bybit/", false, "https://proxy.example.com/bybit"},
		"stand-in over http": {"http://sim:8090", true, "http://sim:8090"},
		"IPv6":               {"https://[2001:db8::1]:443", false, "https://[2001:db8::1]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := addRequest("a" + time.Now().Format("150405.000000000"))
			request.BaseUrl, request.StandIn = test.given, test.standIn
			added, err := c.AddAccount(t.Context(), request)
			require.NoError(t, err)
			require.Equal(t, test.want, added.GetAccount().GetBaseUrl())
		})
	}
}

func TestANameIsTakenUntilItsAccountIsRemoved(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	_, err := c.AddAccount(t.Context(), addRequest("main"))
	require.NoError(t, err)
	_, err = c.AddAccount(t.Context(), addRequest("main"))
	requireProblem(t, err, connect.CodeAlreadyExists, "name_taken")

	removed, err := c.RemoveAccount(t.Context(), &controlv1.RemoveAccountRequest{Name: "main"})
	require.NoError(t, err)
	require.Equal(t, "removed", removed.GetAccount().GetStatus())
	_, err = c.RemoveAccount(t.Context(), &controlv1.RemoveAccountRequest{Name: "main"})
	p := requireProblem(t, err, connect.CodeNotFound, "account_not_found")
	require.Contains(t, p.GetNextStep(), "accounts list")
	_, err = c.AddAccount(t.Context(), addRequest("main"))
	require.NoError(t, err)
}

func TestPausingResumingAndTesting(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")

	resumed, err := c.ResumeAccount(t.Context(), &controlv1.ResumeAccountRequest{Name: "main"})
	require.NoError(t, err)
	require.Nil(t, resumed.GetProbe(), "an active account has nothing to resume")

	paused, err := c.PauseAccount(t.Context(), &controlv1.PauseAccountRequest{Name: "main", Reason: "audit"})
	require.NoError(t, err)
	require.Equal(t, "paused", paused.GetAccount().GetStatus())
	require.Equal(t, "audit", paused.GetAccount().GetReason())

	_, err = c.TestAccount(t.Context(), &controlv1.TestAccountRequest{Name: "main"})
	requireProblem(t, err, connect.CodeFailedPrecondition, "account_paused")

	resumed, err = c.ResumeAccount(t.Context(), &controlv1.ResumeAccountRequest{Name: "main"})
	require.NoError(t, err)
	require.Equal(t, "paused", resumed.GetAccount().GetStatus(), "the probe decides")
	s.Work(apitest.Succeed)
	watch(t, c, resumed.GetProbe().GetId())
	got, err := c.GetAccount(t.Context(), &controlv1.GetAccountRequest{Name: "main"})
	require.NoError(t, err)
	require.Equal(t, "active", got.GetAccount().GetStatus())
}

func TestSetKeyKeepsTheOldKeyUntilItsProbeHasPassed(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	fleet := s.Work(apitest.Refuse)
	set := func() *controlv1.Account {
		t.Helper()
		res, err := c.SetKey(t.Context(), &controlv1.SetKeyRequest{Name: "main", ApiKey: knownKey, ApiSecret: knownSecret})
		require.NoError(t, err)
		watch(t, c, res.GetProbe().GetId())
		got, err := c.GetAccount(t.Context(), &controlv1.GetAccountRequest{Name: "main"})
		require.NoError(t, err)
		return got.GetAccount()
	}
	account := set()
	require.Equal(t, "active", account.GetStatus())
	require.EqualValues(t, 1, account.GetKeyVersion())
	fleet.Set(apitest.Succeed)
	require.Greater(t, set().GetKeyVersion(), int32(1))
}

func TestSetCadence(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "one")
	s.Add(t, "two")
	set := func(dataType string, every time.Duration) (int32, error) {
		res, err := c.SetCadence(t.Context(), &controlv1.SetCadenceRequest{
			Name: "one", DataType: dataType, Every: durationpb.New(every),
		})
		return res.GetAccounts(), err
	}
	n, err := set("orders", 2*time.Minute)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	n, err = set("prices", 5*time.Second)
	require.NoError(t, err)
	require.EqualValues(t, 2, n, "prices belong to the market")

	fresh, err := s.Ledger.Freshness(t.Context(), "one")
	require.NoError(t, err)
	every := map[string]time.Duration{}
	for _, f := range fresh {
		every[f.DataType] = f.Every
	}
	require.Equal(t, 2*time.Minute, every["orders"])
	require.Equal(t, 5*time.Second, every["prices"])
	require.Equal(t, syncjob.Balances.Cadence(), every["balances"])

	_, err = set("orders", time.Millisecond)
	requireProblem(t, err, connect.CodeInvalidArgument, "cadence")
	_, err = set("all", time.Minute)
	requireProblem(t, err, connect.CodeInvalidArgument, "data_type")
	_, err = set("dreams", time.Minute)
	requireProblem(t, err, connect.CodeInvalidArgument, "data_type")
}
