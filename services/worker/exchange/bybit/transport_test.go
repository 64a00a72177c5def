package bybit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func TestGotcha25BodiesThatAreNoAnswer(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		body  string
		want  exchange.Class
		tries int
	}{
		"nothing":           {"", exchange.Transient, 3},
		"half of it":        {`{"retCode":0,"retMsg":"OK","result":{"li`, exchange.Transient, 3},
		"a web page":        {"<html></html>", exchange.Transient, 3},
		"JSON, but a list":  {`[]`, exchange.Decode, 1},
		"JSON, no retCode":  {`{"code":0}`, exchange.Decode, 1},
		"a retCode of text": {`{"retCode":"zero"}`, exchange.Decode, 1},
		"a time of text":    {`{"retCode":0,"time":"noon"}`, exchange.Decode, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			stand.on(walletBalance, always([]byte(c.body)))
			got := stand.client(t).Balances(t.Context(), unified)
			require.NotNil(t, got.Err)
			require.Equal(t, c.want, got.Err.Class, got.Err.Error())
			require.Len(t, stand.asked(walletBalance), c.tries)
		})
	}
}

func TestAnswerThatBreaksOffIsTransient(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"retCode":0`))
	})
	got := stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.Transient, got.Err.Class)
	require.Contains(t, got.Err.Error(), "broke off")
	require.Len(t, stand.asked(walletBalance), 3)
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always(append([]byte(`{"retCode":0,"x":"`), bytes.Repeat([]byte("x"), maxBody)...)))
	got := stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.Decode, got.Err.Class)
	require.Contains(t, got.Err.Message, "16 MiB")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	t.Cleanup(elsewhere.Close)
	stand := newStand(t)
	stand.on(walletBalance, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	})
	got := stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.BadRequest, got.Err.Class)
	require.Contains(t, got.Err.Message, "redirects")
	require.Zero(t, followed.Load(), "the key went to another host")
}

func TestUnreachableHostNamesNoURL(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	stand := newStand(t)
	client := stand.client(t, func(c *Config) { c.Target.BaseURL = "http://" + address })
	got := client.Positions(t.Context(), "linear:USDT")
	require.Equal(t, exchange.Transient, got.Err.Class)
	require.Contains(t, got.Err.Error(), "connection refused")
	require.NotContains(t, got.Err.Error(), "settleCoin")
	require.NotContains(t, got.Err.Error(), testKey)
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	var connections atomic.Int32
	stand.on(walletBalance, always(fixture(t, "edge/wallet-balance.no-coins.json")))
	settings, err := Settings{}.complete()
	require.NoError(t, err)
	transport := settings.HTTP.Transport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connections.Add(1)
		return dial(ctx, network, address)
	}
	client := stand.client(t, func(c *Config) { c.Settings = settings })
	for range 5 {
		require.Nil(t, client.Balances(t.Context(), unified).Err)
	}
	require.EqualValues(t, 1, connections.Load())
}

// As many connections stay open as a worker with many slots has in use: one that is
// closed costs a handshake, which is several times the request. A few may be lost:
// net/http drops one whose writer is late.
func TestConnectionsThatWereInUseAtOnceAreKept(t *testing.T) {
	t.Parallel()
	const atOnce = 200
	var opened, arrived atomic.Int32
	full := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if arrived.Add(1) == atOnce {
			close(full)
		}
		select {
		case <-full:
		case <-r.Context().Done():
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := NewHTTPClient()
	for range 2 {
		var asking sync.WaitGroup
		faults := make([]error, atOnce)
		for i := range atOnce {
			asking.Go(func() {
				answer, err := client.Get(server.URL)
				if err == nil {
					err = answer.Body.Close()
				}
				faults[i] = err
			})
		}
		asking.Wait()
		require.NoError(t, errors.Join(faults...))
	}
	require.Less(t, int(opened.Load()), atOnce+atOnce/4)
}

func TestProxyOfTheEnvironmentIsHonoured(t *testing.T) {
	t.Parallel()
	transport := NewHTTPClient().Transport.(*http.Transport)
	require.Equal(t, fmt.Sprintf("%p", http.ProxyFromEnvironment), fmt.Sprintf("%p", transport.Proxy))
}

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for _, e := range Environments() {
		u, err := baseURL(e.Name, "")
		require.NoError(t, err)
		require.Equal(t, e.BaseURLs[0], u.String())
		for _, raw := range e.BaseURLs {
			_, err := baseURL("", raw)
			require.NoError(t, err)
		}
	}
	for _, h := range RegionalHosts() {
		u, err := baseURL("mainnet", h.BaseURL)
		require.NoError(t, err)
		require.Equal(t, h.BaseURL, u.String())
	}
	u, err := baseURL("mainnet", "http://localhost:8099/sim/")
	require.NoError(t, err)
	require.Equal(t, "http://localhost:8099/sim", u.String())
	for raw, want := range map[string]string{
		"ftp://api.bybit.com":           "https://",
		"api.bybit.com":                 "https://",
		"https://":                      "no host",
		"https://api.bybit.com?x=1":     "without ?",
		"https://u:hunter2@example.com": "user name or password",
		"http://u:hunter2@exa mple.com": "not a URL",
	} {
		_, err := baseURL("mainnet", raw)
		require.ErrorContains(t, err, want, raw)
		require.NotContains(t, err.Error(), "hunter2")
	}
	_, err = baseURL("moon", "")
	require.ErrorContains(t, err, "mainnet, testnet, demo")
}

func TestSettingsNameEveryFault(t *testing.T) {
	t.Parallel()
	_, err := NewAdapter(hosts(t, wideBudget(t)), Settings{RecvWindow: -1, SettleCoins: []string{"usdt"}, OptionBases: []string{"BTC", "BTC"}})
	for _, part := range []string{"recv window", `settle coin "usdt"`, "named twice"} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), testSecret)
}

func TestAdapterServesEveryReader(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	config := stand.config(t)
	var adapter exchange.Adapter
	adapter, err := NewAdapter(config.Hosts, Settings{})
	require.NoError(t, err)
	account, err := adapter.Account(config.Target, config.Credentials)
	require.NoError(t, err)
	require.Implements(t, (*exchange.BalanceReader)(nil), account)
	require.Implements(t, (*exchange.PositionReader)(nil), account)
	require.Implements(t, (*exchange.OpenOrderReader)(nil), account)
	require.Implements(t, (*exchange.ClosedOrderReader)(nil), account)
	require.Implements(t, (*exchange.Timekeeper)(nil), account)
	market, err := adapter.Market(config.Target)
	require.NoError(t, err)
	require.Implements(t, (*exchange.Timekeeper)(nil), market)

	_, err = adapter.Account(config.Target, exchange.Credentials{})
	require.ErrorContains(t, err, "API key")
	_, err = adapter.Market(exchange.Target{Environment: "moon"})
	require.ErrorContains(t, err, "moon")
}
