package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// checkProxies refuses a proxy's address that cannot be understood. Go ignores one
// silently and connects directly: from an address that a key may not be bound to,
// and that has another budget. The value is not shown, since it may hold a
// password.
func checkProxies(lookup func(string) (string, bool)) error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value, ok := lookup(name)
		if !ok {
			continue
		}
		if !strings.Contains(value, "://") {
			value = "http://" + value // as Go does
		}
		address, err := url.Parse(value)
		if err != nil || address.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, address.Scheme) {
			return fmt.Errorf("%s is set and is not the address of a proxy, such as http://proxy.example:3128 "+
				"(in a password %% is written as %%25, @ as %%40)", name)
		}
	}
	return nil
}
