package api

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// baseURL decides where an account's exchange is. Without a URL of the caller
// it is the environment's own. Plain http shows everything but the secret to
// whoever is on the way, so it is for loopback, and for a stand-in exchange
// that the caller names as one.
func (a *API) baseURL(exchange, environment, given string, standIn bool) (string, error) {
	usual, err := a.deps.BaseURL(exchange, environment)
	if err != nil {
		return "", badRequest("unknown_exchange", "", err)
	}
	if given == "" {
		return usual, nil
	}
	normal, err := normalURL(given, standIn)
	if err != nil {
		return "", badRequest("base_url", "give the exchange's address, as in "+usual, err)
	}
	return normal, nil
}

// normalURL checks a base URL and writes it in one way, because its text is
// part of a market's identity: two spellings would be two markets.
func normalURL(given string, standIn bool) (string, error) {
	u, err := url.Parse(strings.TrimSpace(given))
	if err != nil {
		return "", errors.New("the base URL is not a URL")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch {
	case u.User != nil:
		return "", errors.New("the base URL must not hold a user name or password")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("the base URL %q must begin with https:// or http://", u.Redacted())
	case u.Hostname() == "":
		return "", fmt.Errorf("the base URL %q names no host", u.Redacted())
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("the base URL of %s must end with the host or a path, without ? or #", u.Host)
	case u.Scheme == "http" && !standIn && !isLoopback(strings.ToLower(u.Hostname())):
		return "", fmt.Errorf("the base URL %q is not encrypted: use https, "+
			"or say that it is a stand-in exchange (--stand-in)", u.Redacted())
	}
	u.Host = normalHost(u)
	return strings.TrimRight(u.String(), "/"), nil
}

func normalHost(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		port = ""
	}
	switch {
	case port != "":
		return net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	default:
		return host
	}
}
