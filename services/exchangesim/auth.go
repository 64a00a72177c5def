package exchangesim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const usualRecvWindow = 5000

// authenticate checks the X-BAPI headers in the order in which the exchange
// complains about them, and fills in whose call it is.
func (x *Exchange) authenticate(c *call) *refusal {
	h := c.r.Header
	key, stamp, sign := h.Get("X-BAPI-API-KEY"), h.Get("X-BAPI-TIMESTAMP"), h.Get("X-BAPI-SIGN")
	if key == "" || stamp == "" || sign == "" {
		return bare(http.StatusUnauthorized)
	}
	window := h.Get("X-BAPI-RECV-WINDOW")
	now := x.clock.show()
	if no := checkTimestamp(stamp, window, now); no != nil {
		return no
	}
	secret, no := x.identify(c, key, now)
	if no != nil {
		return no
	}
	if end := c.owner.expiry(now); end != 0 && end <= now {
		return refuse(codeExpired, "Your api key has expired.")
	}
	origin := stamp + key + window + c.r.URL.RawQuery
	if !c.owner.signed(secret, origin, sign) {
		return refuse(codeSignature, "Error sign, please check your signature generation algorithm: origin_string[%s]", origin)
	}
	if len(c.owner.ips) > 0 && !slices.Contains(c.owner.ips, c.address) {
		return refuse(codeIP, "Unmatched IP, please check your API key's bound IP addresses.")
	}
	if !permitted(c) {
		return refuse(codePermission, "Permission denied, please check your API key permissions.")
	}
	return nil
}

// checkTimestamp applies server-window <= timestamp < server+1000.
func checkTimestamp(stamp, window string, now int64) *refusal {
	late := func(recv string) *refusal {
		return refuse(codeTimestamp,
			"invalid request, please check your server timestamp or recv_window param. req_timestamp[%s],server_timestamp[%d],recv_window[%s]",
			stamp, now, recv)
	}
	ts, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return badParam("invalid timestamp")
	}
	recv := int64(usualRecvWindow)
	if window != "" {
		if recv, err = strconv.ParseInt(window, 10, 64); err != nil || recv <= 0 {
			return badParam("invalid recv_window")
		}
	}
	if ts < now-recv || ts >= now+1000 {
		return late(strconv.FormatInt(recv, 10))
	}
	return nil
}

// identify finds the account of a key. A key that was revoked or replaced is
// as unknown as one that never was.
func (x *Exchange) identify(c *call, key string, now int64) (secret string, no *refusal) {
	unknown := refuse(codeKey, "API key is invalid.")
	index, ok := indexOfKey(x.cfg.Seed, key)
	if !ok || index >= x.cfg.Accounts {
		return "", unknown
	}
	owner := x.profile(index, x.book.of(index), now)
	genuine, secret := keyPair(x.cfg.Seed, index, owner.generation)
	if key != genuine || owner.revoked {
		return "", unknown
	}
	c.index, c.key, c.owner, c.uid, c.now = index, key, owner, owner.uid, now
	return secret, nil
}

// signed checks a signature with the key's public half if it has one, else with
// its secret.
func (p profile) signed(secret, origin, sign string) bool {
	if p.rsa != nil {
		return p.rsa.verify(origin, sign)
	}
	return hmac.Equal([]byte(sign), []byte(signature(secret, origin)))
}

func signature(secret, origin string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(origin))
	return hex.EncodeToString(mac.Sum(nil))
}

// permitted decides by what a path reads. The documentation does not say which
// permission each path needs; this is the closest reading of their names.
func permitted(c *call) bool {
	p, category := c.owner, c.query.Get("category")
	contracts := p.may("ContractTrade", "Position") || p.may("ContractTrade", "Order")
	switch c.path {
	case "/v5/account/wallet-balance":
		return p.may("Wallet", "AccountTransfer") || p.may("ContractTrade", "Position") || p.may("Spot", "SpotTrade") || p.may("Options", "OptionsTrade")
	case "/v5/account/transaction-log", "/v5/account/contract-transaction-log":
		return contracts || p.may("Wallet", "AccountTransfer") || p.may("Spot", "SpotTrade") || p.may("Options", "OptionsTrade")
	case "/v5/position/closed-pnl":
		return p.may("ContractTrade", "Position")
	case "/v5/position/list":
		return category == option && p.may("Options", "OptionsTrade") || category != option && p.may("ContractTrade", "Position")
	case "/v5/order/realtime", "/v5/order/history", "/v5/execution/list":
		switch category {
		case spot:
			return p.may("Spot", "SpotTrade")
		case option:
			return p.may("Options", "OptionsTrade")
		default:
			return p.may("ContractTrade", "Order")
		}
	default:
		return !strings.HasPrefix(c.path, "/v5/asset/") || len(p.permissions["Wallet"]) > 0
	}
}
