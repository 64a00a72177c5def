package exchangesim

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

const (
	egressRemote    = "remote"
	egressLocal     = "local"
	egressForwarded = "forwarded"
)

// address gives the address that a request is counted for. Several processes
// of one machine stand for several egress addresses by their way in (local) or
// by a proxy each, which names its client (forwarded).
func address(r *http.Request, egress string) string {
	switch egress {
	case egressLocal:
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			return hostOf(local.String())
		}
	case egressForwarded:
		first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
		if first = strings.TrimSpace(first); first != "" {
			return first
		}
	}
	return hostOf(r.RemoteAddr)
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// Ban answers 403 to every request of an address from now on, for so long,
// as if it had broken the limit per address.
func (x *Exchange) Ban(address string, d time.Duration) error {
	if _, err := netip.ParseAddr(address); err != nil {
		return fmt.Errorf("banning: %q is no IP address", address)
	}
	if d <= 0 {
		return errors.New("banning: the time must be above zero")
	}
	x.bans.ban(address, d)
	return nil
}

func (x *Exchange) adminBan(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Address string  `json:"address"`
		Seconds float64 `json:"seconds"`
	}
	err := decode(w, r, &body)
	if err == nil {
		err = x.Ban(body.Address, time.Duration(body.Seconds*float64(time.Second)))
	}
	if err != nil {
		failed(w, err)
		return
	}
	respond(w, body)
}
