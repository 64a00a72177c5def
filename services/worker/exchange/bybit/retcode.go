package bybit

import (
	"strconv"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

const (
	codeParameter  = 10001
	codeKeyUnknown = 10003
	codeNoOrder    = 110001
	codeNoSpot     = 170213
)

const (
	limitReset  = "X-Bapi-Limit-Reset-Timestamp"
	banLength   = 10 * time.Minute // the least that the exchange documents
	resetMargin = 50 * time.Millisecond
	unsaidReset = time.Second
	// longestReset bounds what a reset time may ask for. Limits are counted in
	// windows of a second; a time further off is another clock's.
	longestReset = time.Minute
)

// classOfCode is the table of retCodes. A code that is not in it is known to
// be false and Transient.
func classOfCode(code int64) (class exchange.Class, known bool) {
	switch code {
	case 429, 10000, 10016, 10019, // load, timeout, restart
		131001, 131003, 131200, 131201, 131230, 500000, // internal
		170001, 170007, 170032, 170146, 170147, 170234, // spot: internal, network
		182105, 700012, 131084, 3100197, 3400214: // upgrading or busy
		return exchange.Transient, true
	case 10006, 30035, 170222:
		return exchange.RateLimited, true
	case 10018:
		return exchange.Banned, true
	case -1, 10002:
		return exchange.ClockSkew, true
	case codeKeyUnknown, 10004, 10007, 10010, 33004, -2015, // the key
		10008, 10024, 10027, 20096, 131004, 131065: // the account: blocked, compliance, KYC
		return exchange.Auth, true
	case 10005, 10029:
		return exchange.Permission, true
	case 10009, // region
		10028, 100028, 10032, 181014, 182200, 500010, 500011: // account mode
		return exchange.Unsupported, true
	case codeParameter, 10014, 10017,
		codeNoOrder, codeNoSpot, 110018, 110019,
		131002, 131202, 131203, 131207,
		170105, 170121, 170130,
		3500404, 3500406: // cursor, time range
		return exchange.BadRequest, true
	}
	if code >= 181000 && code <= 181019 {
		return exchange.BadRequest, true
	}
	return exchange.Transient, false
}

// codeFault classifies an answer by its retCode.
func (s *session) codeFault(a answer, e envelope) *exchange.Error {
	class, known := classOfCode(e.RetCode.value)
	if e.RetCode.value == codeParameter && strings.Contains(string(e.RetMsg), "accountType only support") {
		class = exchange.Unsupported
	}
	if e.RetCode.value == codeParameter && s.demoLacks(a.endpoint) {
		class = exchange.Unsupported
	}
	return &exchange.Error{
		Class:        class,
		Code:         strconv.FormatInt(e.RetCode.value, 10),
		Message:      s.explain(class, e, a.signature),
		RetryAt:      s.retryAt(class, a),
		Payload:      s.payload(a.body, a.signature),
		Unclassified: !known,
	}
}

func (s *session) demoLacks(ep endpoint) bool { return s.environment == demo && !ep.inDemo() }

// explain says what the code means and what to do, and quotes the exchange.
func (s *session) explain(class exchange.Class, e envelope, signature string) string {
	advice := s.advice(e.RetCode.value)
	switch {
	case advice != "" || class != exchange.Unsupported:
	case s.environment == demo:
		advice = "the demo environment does not have this"
	default:
		advice = "the account's mode or region does not have this"
	}
	said := s.redact(string(e.RetMsg), signature)
	if len(said) > 512 {
		said = strings.ToValidUTF8(said[:512], "") + "…"
	}
	quote := "the exchange says " + strconv.Quote(said)
	if advice == "" {
		return quote
	}
	return advice + " (" + quote + ")"
}

// advice names cause and next step of the codes that a user can do something
// about.
func (s *session) advice(code int64) string {
	switch code {
	case codeKeyUnknown:
		return "the exchange does not know this key. It answers the same for a key that was made in another environment, and this one was used on " +
			s.environment + " (" + s.base + "): check the environment first, then the key"
	case 10004:
		return "the signature is wrong: the secret does not belong to this key"
	case 10005:
		return "the key lacks the permission for this; add it in the exchange's key settings"
	case 10010:
		return "the key is bound to IP addresses and ours is not among them; add it in the exchange's key settings"
	case 33004:
		return "the key has expired; the exchange lets keys without bound IP addresses expire after 90 days"
	case 10002, -1:
		return "our clock and the exchange's are too far apart, or the request was too long on its way; check that this machine's clock is synchronised"
	case 10008, 10024, 10027, 20096, 131004, 131065:
		return "the exchange has blocked the account, or asks its owner for something first; see the exchange's own pages"
	case 10009:
		return "the exchange does not serve the region of this account or address"
	case 10032:
		return "the demo environment does not have this"
	case 10028, 181014, 182200:
		return "this needs a unified trading account"
	default:
		return ""
	}
}

// retryAt is when to try again, by our clock; zero if nobody knows.
func (s *session) retryAt(class exchange.Class, a answer) time.Time {
	now := time.Now()
	switch class {
	case exchange.Banned:
		return now.Add(banLength)
	case exchange.RateLimited:
		var reset millis
		if err := reset.UnmarshalJSON([]byte(a.header.Get(limitReset))); err != nil || reset.at.IsZero() {
			return now.Add(unsaidReset)
		}
		at := s.host.Clock.Local(reset.at).Add(resetMargin)
		if at.After(now.Add(longestReset)) {
			return now.Add(longestReset)
		}
		if at.Before(now) {
			return now.Add(resetMargin)
		}
		return at
	default:
		return time.Time{}
	}
}
