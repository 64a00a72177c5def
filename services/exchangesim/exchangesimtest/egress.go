package exchangesimtest

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Egress starts a forward proxy that stands for an egress address: whatever is
// sent through it reaches the stand-in, whatever host it was meant for, as if
// from there. The exchange must be one with Egress "forwarded". A process whose
// HTTP_PROXY is the URL returned has this egress, if its base URL is no loopback
// one (Go asks no proxy for those): http://exchange.test will do.
func (s *Server) Egress(t testing.TB, address string) (proxyURL string) {
	t.Helper()
	target, err := url.Parse(s.URL)
	require.NoError(t, err)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.URL.RawQuery = r.In.URL.RawQuery // signed to the byte
		r.Out.Header.Set("X-Forwarded-For", address)
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL
}
