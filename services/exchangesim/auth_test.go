package exchangesim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

const (
	keyPath      = "/v5/user/query-api"
	infoPath     = "/v5/account/info"
	walletPath   = "/v5/account/wallet-balance"
	positionPath = "/v5/position/list"
	openPath     = "/v5/order/realtime"
	historyPath  = "/v5/order/history"
	tickerPath   = "/v5/market/tickers"
	timePath     = "/v5/market/time"
)

// noon is where tests that own the clock begin.
func noon() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

// still starts an exchange whose clock stands at noon.
func still(t *testing.T, cfg exchangesim.Config) (*exchangesimtest.Server, *exchangesimtest.Clock) {
	t.Helper()
	clock := exchangesimtest.NewClock(noon())
	cfg.Clock = clock.Now
	if cfg.Seed == 0 {
		cfg.Seed = 7
	}
	return exchangesimtest.Start(t, cfg), clock
}

func TestRecvWindowBounds(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	server := noon().UnixMilli()
	for _, tt := range []struct {
		name   string
		ts     int64
		window string
		code   int
	}{
		{"now", server, "5000", 0},
		{"at the late bound", server - 5000, "5000", 0},
		{"past the late bound", server - 5001, "5000", 10002},
		{"wider window", server - 9000, "10000", 0},
		{"just not early", server + 999, "5000", 0},
		{"early", server + 1000, "5000", 10002},
		{"early in a wide window", server + 1000, "60000", 10002},
		{"no header: 5000", server - 5000, "", 0},
		{"no header: late", server - 5001, "", 10002},
		{"not a number", server, "soon", 10001},
		{"zero", server, "0", 10001},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := c.Request(t.Context(), t, keyPath, "")
			req.Header.Del("X-BAPI-RECV-WINDOW")
			c.Sign(req, tt.ts, tt.window)
			r := exchangesimtest.Do(t, req)
			require.Equal(t, tt.code, r.RetCode, r.RetMsg)
			if tt.code == 10002 {
				window := tt.window
				if window == "" {
					window = "5000"
				}
				require.Contains(t, r.RetMsg, fmt.Sprintf("req_timestamp[%d],server_timestamp[%d],recv_window[%s]", tt.ts, server, window))
			}
		})
	}
}

func TestMissingHeadersAnswer401(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	for _, name := range []string{"X-BAPI-API-KEY", "X-BAPI-TIMESTAMP", "X-BAPI-SIGN"} {
		req := s.Client(0).Request(t.Context(), t, infoPath, "")
		req.Header.Del(name)
		r := exchangesimtest.Do(t, req)
		require.Equal(t, http.StatusUnauthorized, r.Status, name)
		require.Empty(t, r.Body, name)
	}
}

func TestSignatureCoversTheExactBytes(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	for _, query := range []string{
		"accountType=UNIFIED", "accountType=UNIFIED&coin=USDT,USDC", "coin=USDT%2CUSDC&accountType=UNIFIED", "accountType=UNIFIED&note=%C3%A9%26",
	} {
		require.Zero(t, c.Get(t, walletPath, query).RetCode, query)
	}
	req := c.Request(t.Context(), t, walletPath, "accountType=UNIFIED&coin=USDT%2CUSDC")
	req.URL.RawQuery = "accountType=UNIFIED&coin=USDT,USDC" // the same parameters, other bytes
	r := exchangesimtest.Do(t, req)
	require.Equal(t, 10004, r.RetCode)
	require.Contains(t, r.RetMsg, fmt.Sprintf("origin_string[%d%s5000accountType=UNIFIED&coin=USDT,USDC]", noon().UnixMilli(), c.Key))
	require.NotContains(t, string(r.Body), c.Secret)

	req = c.Request(t.Context(), t, infoPath, "")
	req.Header.Set("X-BAPI-SIGN", strings.ToUpper(req.Header.Get("X-BAPI-SIGN")))
	require.Equal(t, 10004, exchangesimtest.Do(t, req).RetCode, "hex is lower case")
}

func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Accounts: 2})
	beyond, _, _ := exchangesim.Credentials(7, 2)
	otherSeed, _, _ := exchangesim.Credentials(8, 0)
	good := s.Client(0).Key
	for _, key := range []string{"nonsense", beyond, otherSeed, good[:len(good)-1] + "_", strings.Repeat("z", 18)} {
		c := s.Client(0)
		c.Key = key
		r := c.Get(t, infoPath, "")
		require.Equal(t, 10003, r.RetCode, key)
		require.Equal(t, "API key is invalid.", r.RetMsg)
	}
}

func TestCredentialsAreStableAndDistinct(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 2000 {
		key, secret, uid := exchangesim.Credentials(3, i)
		key2, secret2, uid2 := exchangesim.Credentials(3, i)
		require.Equal(t, [3]string{key, secret, uid}, [3]string{key2, secret2, uid2})
		require.Len(t, key, 18)
		require.Len(t, secret, 36)
		for _, v := range []string{key, secret, uid} {
			require.False(t, seen[v])
			seen[v] = true
		}
	}
}

func TestKeyLifeCycle(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	uid, c := s.UID(0), s.Client(0)
	code := func(c *exchangesimtest.Client) int { return c.Get(t, infoPath, "").RetCode }
	require.Zero(t, code(c))

	_, err := s.RevokeKey(uid)
	require.NoError(t, err)
	require.Equal(t, 10003, code(c))
	_, err = s.RestoreKey(uid)
	require.NoError(t, err)
	require.Zero(t, code(c))

	key, secret, _, err := s.RotateKey(uid)
	require.NoError(t, err)
	require.Equal(t, 10003, code(c), "the old key is gone")
	c.Key, c.Secret = key, secret
	require.Zero(t, code(c))

	_, err = s.SetExpiry(uid, noon().Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, code(c))
	clock.Advance(time.Hour)
	require.Equal(t, 33004, code(c))
	_, err = s.SetExpiry(uid, time.Time{})
	require.NoError(t, err)
	require.Zero(t, code(c))

	_, err = s.SetIPs(uid, []string{"192.0.2.1"})
	require.NoError(t, err)
	require.Equal(t, 10010, code(c))
	_, err = s.SetIPs(uid, []string{"192.0.2.1", "127.0.0.1"})
	require.NoError(t, err)
	require.Zero(t, code(c))
	_, err = s.SetIPs(uid, []string{"localhost"})
	require.ErrorContains(t, err, "no IP address")
	require.Zero(t, code(s.Client(1)), "other accounts are untouched")
}

func TestPermissionsPerPath(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	uid, c := s.UID(0), s.Client(0)
	set := func(p map[string][]string) {
		_, err := s.SetPermissions(uid, true, p)
		require.NoError(t, err)
	}
	set(map[string][]string{"Options": {}, "Spot": {}})
	require.Equal(t, 10005, c.Get(t, positionPath, "category=option").RetCode)
	require.Equal(t, 10005, c.Get(t, openPath, "category=spot").RetCode)
	require.Equal(t, 10005, c.Get(t, historyPath, "category=option").RetCode)
	require.Zero(t, c.Get(t, positionPath, "category=inverse").RetCode)
	require.Zero(t, c.Get(t, openPath, "category=linear&settleCoin=USDT").RetCode)
	set(map[string][]string{"ContractTrade": {"Order"}})
	require.Equal(t, 10005, c.Get(t, positionPath, "category=inverse").RetCode)
	require.Zero(t, c.Get(t, openPath, "category=inverse").RetCode)
	set(map[string][]string{"ContractTrade": {}, "Wallet": {}})
	require.Equal(t, 10005, c.Get(t, walletPath, "accountType=UNIFIED").RetCode)
	require.Zero(t, c.Get(t, keyPath, "").RetCode, "a key may always ask about itself")
	_, err := s.SetPermissions(uid, true, map[string][]string{"Everything": {"All"}})
	require.ErrorContains(t, err, "no permission area")
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	r := c.Get(t, "/v5/nothing/here", "")
	require.Equal(t, http.StatusNotFound, r.Status)
	require.Empty(t, r.Body)
	require.Equal(t, http.StatusNotFound, c.Get(t, "/v5//market/time", "").Status, "no redirects")

	req := c.Request(t.Context(), t, timePath, "")
	req.Method = http.MethodPost
	r = exchangesimtest.Do(t, req)
	require.Equal(t, []int{http.StatusOK, 10017}, []int{r.Status, r.RetCode})
	req = c.Request(t.Context(), t, timePath, "")
	req.Method = "get"
	require.Equal(t, http.StatusBadRequest, exchangesimtest.Do(t, req).Status)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+timePath, strings.NewReader("{}"))
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, exchangesimtest.Do(t, req).Status)
}
