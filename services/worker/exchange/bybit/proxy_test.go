package bybit

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

const proxied = "ALPHAPULSE_TEST_PROXIED"

// Go reads the proxy from the environment once in a process's life, so the one
// that is to be seen using it is a process of its own.
func TestRequestsGoThroughTheProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	if os.Getenv(proxied) != "" {
		askThroughProxy(t)
		return
	}
	asked := make(chan *http.Request, 16)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	child.Env = append(os.Environ(), proxied+"=1", "HTTPS_PROXY="+proxy.URL, "NO_PROXY=", "no_proxy=")
	output, err := child.CombinedOutput()
	require.NoError(t, err, string(output))
	request := <-asked
	require.Equal(t, http.MethodConnect, request.Method)
	require.Equal(t, "exchange.example:443", request.Host, "the key is bound to the proxy's address")
}

func askThroughProxy(t *testing.T) {
	t.Helper()
	market, err := NewMarket(Config{Target: exchange.Target{BaseURL: "https://exchange.example"}, Hosts: hosts(t, wideBudget(t))})
	require.NoError(t, err)
	got := market.Prices(t.Context(), spot)
	require.Equal(t, exchange.Transient, got.Err.Class)
	require.Contains(t, got.Err.Error(), "Bad Gateway")
}
