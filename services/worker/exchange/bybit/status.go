package bybit

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// statusFault classifies an answer by its HTTP status alone.
func (s *session) statusFault(a answer) *exchange.Error {
	class, message := s.classOfStatus(a)
	fault := &exchange.Error{
		Class:   class,
		Code:    "http " + strconv.Itoa(a.status),
		Message: message,
		RetryAt: s.retryAt(class, a),
		Payload: s.payload(a.body, a.signature),
	}
	if class == exchange.Transient {
		fault.RetryAt = retryAfter(a.header)
	}
	return fault
}

func (s *session) classOfStatus(a answer) (exchange.Class, string) {
	switch {
	case a.status >= http.StatusInternalServerError:
		return exchange.Transient, "the exchange is in trouble"
	case a.status == http.StatusTooManyRequests || a.status == http.StatusRequestTimeout:
		return exchange.Transient, "the exchange is overloaded"
	case a.status == http.StatusUnauthorized:
		return exchange.Auth, fmt.Sprintf("the exchange does not accept the key on %s (%s); check the key, its secret and its environment", s.environment, s.base)
	case a.status == http.StatusForbidden && blocksCountry(a.body):
		return exchange.Unsupported, "the exchange does not serve the country of our address; use the address of your region, or another machine"
	case a.status == http.StatusForbidden:
		return exchange.Banned, "the exchange refuses our address because of too many requests; it lifts that by itself after 10 minutes without any"
	case a.status == http.StatusNotFound && a.endpoint == walletBalance && len(bytes.TrimSpace(a.body)) == 0:
		// Reported for an account type that the account does not have (pybit#140).
		return exchange.Unsupported, "the account has no such wallet"
	case a.status == http.StatusNotFound && s.demoLacks(a.endpoint):
		return exchange.Unsupported, "the demo environment does not have this"
	case a.status == http.StatusNotFound:
		return exchange.BadRequest, "there is no such path at " + s.base + "; check the base URL"
	case a.status/100 == 3:
		return exchange.BadRequest, "the address " + s.base + " redirects elsewhere, and keys are not sent after it; use the base URL of the exchange itself"
	default:
		return exchange.BadRequest, "the exchange, or something between it and us, does not accept the request"
	}
}

// blocksCountry reads the page that the exchange's CDN shows; there is no
// other sign to tell this 403 from a ban.
func blocksCountry(body []byte) bool {
	return bytes.Contains(body, []byte("configured to block access from your country"))
}

// retryAfter reads whole seconds; anything else is no hint.
func retryAfter(header http.Header) time.Time {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	return time.Now().Add(min(time.Duration(seconds)*time.Second, banLength))
}
