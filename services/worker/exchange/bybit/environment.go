package bybit

import (
	"fmt"
	"net/url"
	"strings"
)

// Environment is one of the exchange's separate worlds: accounts, keys and
// data of one do not exist in another.
type Environment struct {
	Name string
	// BaseURLs are its addresses, the usual one first. Limits count over all
	// of them together.
	BaseURLs []string
	Note     string
}

// demo is the environment that has a part of the endpoints only.
const demo = "demo"

// Environments lists what Bybit documents. Any of them, and any other
// address, can be reached by its base URL: the list is for defaults.
func Environments() []Environment {
	return []Environment{
		{Name: "mainnet", BaseURLs: []string{"https://api.bybit.com", "https://api.bytick.com"}},
		{Name: "testnet", BaseURLs: []string{"https://api-testnet.bybit.com"}, Note: "its own users and keys"},
		{Name: demo, BaseURLs: []string{"https://api-demo.bybit.com"}, Note: "orders are kept for 7 days; a part of the endpoints only"},
	}
}

// RegionalHost is the mainnet address for the residents of one region.
type RegionalHost struct{ Region, BaseURL string }

// RegionalHosts lists the addresses for accounts of regional sites. Such an
// account is set up as mainnet with this base URL.
func RegionalHosts() []RegionalHost {
	return []RegionalHost{
		{"Netherlands", "https://api.bybit.nl"},
		{"Türkiye", "https://api.bybit.tr"},
		{"Kazakhstan", "https://api.bybit.kz"},
		{"Georgia", "https://api.bybitgeorgia.ge"},
		{"United Arab Emirates", "https://api.bybit.ae"},
		{"European Economic Area", "https://api.bybit.eu"}, // keys of third-party applications only
		{"Indonesia", "https://api.bybit.id"},
		{"Japan", "https://api.manepa.jp"},
	}
}

// baseURL resolves where to send requests. override wins over the environment.
func baseURL(environment, override string) (*url.URL, error) {
	raw := override
	if raw == "" {
		var names []string
		for _, e := range Environments() {
			if e.Name == environment {
				raw = e.BaseURLs[0]
			}
			names = append(names, e.Name)
		}
		if raw == "" {
			return nil, fmt.Errorf("bybit has no environment %q: use one of %s, or give a base URL", environment, strings.Join(names, ", "))
		}
	}
	return parseBaseURL(raw)
}

func parseBaseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("bybit base URL: not a URL; expected something like https://api.bybit.com")
	case u.User != nil:
		return nil, fmt.Errorf("bybit base URL for %s: must not hold a user name or password", u.Host)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("bybit base URL %q: must begin with https:// or http://", raw)
	case u.Host == "":
		return nil, fmt.Errorf("bybit base URL %q: names no host", raw)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("bybit base URL %q: must end with the host or a path, without ? or #", raw)
	}
	return u, nil
}
