package bybit

import (
	"net"
	"net/http"
	"time"
)

// idleConns is how many connections stay open for the next request, to one host or to
// several: a busy process has as many requests under way as it has slots, and each beyond
// these opens a connection of its own. With HTTP/2 there is one, and no such limit.
const idleConns = 256

// NewHTTPClient returns a client for all hosts of the exchange. It honours
// HTTPS_PROXY, HTTP_PROXY and NO_PROXY and keeps connections for reuse. The
// time of a whole call is bounded by the policies, of its parts here.
//
// It follows no redirect: the request's headers hold the key, and Go would
// repeat them to wherever a redirect points.
func NewHTTPClient() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           idleConns,
			MaxIdleConnsPerHost:    idleConns,
			IdleConnTimeout:        90 * time.Second,
			// One HTTP/2 connection carries everything: when it dies without a
			// word, only a ping finds out, and every request until then is lost.
			HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
		},
	}
}
