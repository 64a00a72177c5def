package bybit

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// checkProxies refuses a proxy's address that cannot be understood. Go ignores it
// silently and connects directly: from an address that the key is not bound to,
// and on a budget that is not this address's. The value is not shown, since it may
// hold a password.
func checkProxies(env func(string) string) error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := env(name)
		if !strings.Contains(value, "://") {
			value = "http://" + value // as Go does
		}
		if value == "http://" || proxyAddress(value) {
			continue
		}
		return fmt.Errorf("%s is set and is not the address of a proxy, such as http://proxy.example:3128 "+
			"(special characters of a password are written as %%25 and the like)", name)
	}
	return nil
}

func proxyAddress(value string) bool {
	address, err := url.Parse(value)
	return err == nil && address.Host != "" && slices.Contains([]string{"http", "https", "socks5", "socks5h"}, address.Scheme)
}

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
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    32,
			IdleConnTimeout:        90 * time.Second,
			// One HTTP/2 connection carries everything: when it dies without a
			// word, only a ping finds out, and every request until then is lost.
			HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
		},
	}
}
