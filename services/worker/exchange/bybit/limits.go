package bybit

import (
	"net/http"
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// The headers in which the exchange tells the limit of the endpoint and what is
// left of it (documentation, "Rate Limit"). limitReset belongs to them.
const (
	limitSize = "X-Bapi-Limit"
	limitLeft = "X-Bapi-Limit-Status"
)

// largestLimit bounds what a header may raise a limit to; the largest that is
// documented for reading is 450 a second.
const largestLimit = 1000

// clockError is how far the offset of the exchange's clock may be off before a
// time that it tells is no use.
const clockError = 250 * time.Millisecond

// publicVenue is where all addresses that the exchange documents count
// together: "600 requests within 5 seconds per IP", whatever the host.
const publicVenue = "bybit"

// venueOf is the venue of a host. A base URL that the exchange does not
// document is a venue of its own.
func venueOf(host string) string {
	for _, e := range Environments() {
		for _, base := range e.BaseURLs {
			if base == "https://"+host {
				return publicVenue
			}
		}
	}
	for _, r := range RegionalHosts() {
		if r.BaseURL == "https://"+host {
			return publicVenue
		}
	}
	return host
}

// perAddress is the documented limit per IP address. One request more is
// answered with HTTP 403, and so is every other for ten minutes.
func perAddress() exchange.Limit {
	return exchange.Limit{Requests: 600, Window: 5 * time.Second}
}

// perUID is the documented limit of an endpoint per UID and rolling second. An
// endpoint that is not in the table gets a careful one until its answers tell.
func (e endpoint) perUID() exchange.Limit {
	requests := 5
	switch e {
	case walletBalance, accountInfo, positionList, orderRealtime, orderHistory,
		"/v5/execution/list", "/v5/position/closed-pnl", "/v5/asset/asset-overview",
		"/v5/asset/delivery-record", "/v5/asset/settlement-record", "/v5/account/withdrawal":
		requests = 50
	case "/v5/asset/fundinghistory":
		requests = 30
	case "/v5/account/transaction-log":
		requests = 25
	case apiKeyInfo, "/v5/user/get-member-type", "/v5/user/sub-apikeys",
		"/v5/user/query-sub-members", "/v5/account/instruments-info":
		requests = 10
	}
	return exchange.Limit{Requests: requests, Window: time.Second}
}

// use says who pays for a request: public data is counted per address alone.
func (s *session) use(ep endpoint) exchange.Use {
	use := exchange.Use{Host: s.host.Name, Venue: s.venue, Endpoint: string(ep), PerAddress: perAddress()}
	if !ep.public() {
		use.UID, use.PerUID = s.uid, ep.perUID()
	}
	return use
}

// learn passes on what the answer says about the limit. An answer without the
// headers, or with something else in them, says nothing.
func (s *session) learn(ep endpoint, header http.Header, sent time.Time) {
	size, err := strconv.Atoi(header.Get(limitSize))
	if err != nil || size < 1 || size > largestLimit {
		return
	}
	left, err := strconv.Atoi(header.Get(limitLeft))
	if err != nil || left < 0 || left > size {
		return
	}
	s.host.Caller.Learn(s.use(ep), exchange.Allowance{
		Limit: size, Remaining: left, Sent: sent, At: s.countedAt(header, left, sent, time.Now()),
	})
}

// countedAt is when the exchange counted a request. While the limit is not
// reached the reset time is the moment of counting (documentation, "Rate
// Limit"); where it is, or is no time between sending and answer, the middle of
// the two must do.
func (s *session) countedAt(header http.Header, left int, sent, answered time.Time) time.Time {
	middle := sent.Add(answered.Sub(sent) / 2)
	var reset millis
	if err := reset.UnmarshalJSON([]byte(header.Get(limitReset))); err != nil || reset.at.IsZero() || left == 0 {
		return middle
	}
	at := s.host.Clock.Local(reset.at)
	if at.Before(sent.Add(-clockError)) || at.After(answered.Add(clockError)) {
		return middle
	}
	return at
}
