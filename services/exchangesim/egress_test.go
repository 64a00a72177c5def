package exchangesim_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

// through sends a signed request by way of a proxy.
func through(t *testing.T, c *exchangesimtest.Client, proxy string) int {
	t.Helper()
	u, err := url.Parse(proxy)
	require.NoError(t, err)
	far := *c
	far.URL = "http://exchange.test"
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(u)}}
	resp, err := client.Do(far.Request(t.Context(), t, walletPath, "accountType=UNIFIED&coin=BTC%2CUSDT"))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

func TestTwoEgressAddressesAreLimitedApart(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{
		Limits: true, Egress: "forwarded", LimitSizes: exchangesim.LimitSizes{IPRequests: 3},
	})
	c, one, two := s.Client(0), s.Egress(t, "192.0.2.1"), s.Egress(t, "192.0.2.2")
	for range 3 {
		require.Equal(t, http.StatusOK, through(t, c, one))
	}
	require.Equal(t, http.StatusForbidden, through(t, c, one))
	require.Equal(t, http.StatusOK, through(t, c, two), "another egress goes on")
	stats := s.Stats()
	require.Equal(t, map[string]int{"ok": 3, "http 403": 1}, stats.Addresses["192.0.2.1"].Results)
	require.Equal(t, map[string]int{"ok": 1}, stats.Addresses["192.0.2.2"].Results)
	require.Equal(t, map[string]int{walletPath: 4}, stats.Addresses["192.0.2.1"].ByEndpoint)
	require.Equal(t, 4, stats.Addresses["192.0.2.1"].Busiest)
	clock.Advance(10 * time.Minute)
	require.Equal(t, http.StatusOK, through(t, c, one))
}

func TestKeysAreBoundToTheForwardedAddress(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Egress: "forwarded"})
	_, err := s.SetIPs(s.UID(0), []string{"192.0.2.1"})
	require.NoError(t, err)
	require.Equal(t, 10010, s.Client(0).Get(t, infoPath, "").RetCode)
	require.Equal(t, http.StatusOK, through(t, s.Client(0), s.Egress(t, "192.0.2.1")))
	require.Equal(t, map[string]int{"ok": 1}, s.Stats().Addresses["192.0.2.1"].Results)
}

func TestEgressMayBeTheWayIn(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Egress: "local"})
	require.NoError(t, s.Ban("127.0.0.1", time.Minute))
	require.Equal(t, http.StatusForbidden, s.Client(0).Get(t, infoPath, "").Status)
	require.Equal(t, map[string]int{"http 403": 1}, s.Stats().Addresses["127.0.0.1"].Results)
}

func TestAdminBansAnAddress(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	c := s.Client(0)
	require.Zero(t, c.Get(t, infoPath, "").RetCode)
	status, answer := admin(t, s, http.MethodPost, "/admin/ban", `{"address":"127.0.0.1","seconds":30}`)
	require.Equal(t, http.StatusOK, status, answer)
	require.Equal(t, http.StatusForbidden, c.Get(t, infoPath, "").Status, "though the limits are off")
	clock.Advance(30 * time.Second)
	require.Zero(t, c.Get(t, infoPath, "").RetCode)
	require.NoError(t, s.Ban("127.0.0.1", time.Hour))
	s.Unban()
	require.Zero(t, c.Get(t, infoPath, "").RetCode)
	require.ErrorContains(t, s.Ban("nowhere", time.Hour), "no IP address")
	require.ErrorContains(t, s.Ban("127.0.0.1", 0), "above zero")
	_, err := exchangesim.New(exchangesim.Config{Accounts: 1, Egress: "sideways"})
	require.ErrorContains(t, err, "egress")
}
