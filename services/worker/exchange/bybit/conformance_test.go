package bybit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/exchange/exchangetest"
)

func TestAdapterKeepsTheContract(t *testing.T) {
	t.Parallel()
	exchangetest.Run(t, contractOf("unified_2.0/regular_margin"))
}

// The modes differ in their wallets, products and books: those of a contract and
// of a spot wallet are in the older modes only.
func TestAdapterKeepsTheContractInOlderModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"unified_1.0/isolated_margin", "classic"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			x := contractOf(mode)
			x.Only = func(reading exchangetest.Reading, scope exchange.Scope) bool {
				return mode == "classic" && (scope == contract || scope == contractBook || reading == exchangetest.Balances && scope == spot)
			}
			exchangetest.Run(t, x)
		})
	}
}

const (
	contractKey    = "Kq7wWm3ZtBv9Yx5RfD"
	contractSecret = "hT6yUj8Kl0Pz2Xc4Vb6Nm8Qw1Er3Ty5Ui7Op"
)

func contractOf(mode string) exchangetest.Exchange {
	return exchangetest.Exchange{
		New: func(hosts *exchange.Hosts) (exchange.Adapter, error) {
			adapter, err := NewAdapter(hosts, Settings{})
			return adapter, err
		},
		Target:      exchange.Target{Environment: "testnet", Mode: mode, SettleCoins: []string{"USDQ"}, OptionBases: []string{"XRP"}},
		Credentials: exchange.NewCredentials(contractKey, []byte(contractSecret)),
		Wire:        contractWire{},
		Other:       besides,
		Accept:      acceptable,
		Hidden:      func(r *http.Request) []string { return []string{r.Header.Get(signatureHeader)} },
		Rows:        contractRows(),
		Series: []exchange.Series{
			{Category: linear, Symbol: "BTCUSDT", Interval: "60"},
			{Category: spot, Symbol: "BTCUSDT", Interval: "1"},
			{Category: inverse, Symbol: "BTCUSD", Interval: "D"},
		},
		Refusals: contractRefusals(),
	}
}

// besides answers what asks for no rows.
func besides(r *http.Request, now time.Time) exchangetest.Answer {
	result := `{}`
	switch endpoint(r.URL.Path) {
	case serverTime:
		result = fmt.Sprintf(`{"timeSecond":"%d","timeNano":"%d"}`, now.Unix(), now.UnixNano())
	case systemStatus:
		result = `{"list":[]}`
	}
	return enveloped(0, "OK", result, now)
}

func enveloped(code int, message, result string, at time.Time) exchangetest.Answer {
	return exchangetest.Answer{Body: fmt.Appendf(nil, `{"retCode":%d,"retMsg":"%s","result":%s,"retExtInfo":{},"time":%d}`, code, message, result, at.UnixMilli())}
}

// acceptable checks a private request as the documentation says.
func acceptable(r *http.Request) error {
	if endpoint(r.URL.Path).public() {
		if r.Header.Get("X-BAPI-API-KEY") != "" {
			return errors.New("a public request shows the key")
		}
		return nil
	}
	mac := hmac.New(sha256.New, []byte(contractSecret))
	mac.Write([]byte(r.Header.Get("X-BAPI-TIMESTAMP") + contractKey + r.Header.Get("X-BAPI-RECV-WINDOW") + r.URL.RawQuery))
	if hex.EncodeToString(mac.Sum(nil)) != r.Header.Get(signatureHeader) {
		return errors.New("10004: the signature is wrong")
	}
	return nil
}

// contractRefusals is an answer of each kind; fault_test.go has them all.
func contractRefusals() []exchangetest.Refusal {
	code := func(class exchange.Class, code int, message string) exchangetest.Refusal {
		return exchangetest.Refusal{Name: fmt.Sprintf("retCode %d", code), Class: class, Answer: func(now time.Time, said string) exchangetest.Answer {
			return enveloped(code, message+" "+said, `{}`, now)
		}}
	}
	status := func(class exchange.Class, status int) exchangetest.Refusal {
		return exchangetest.Refusal{Name: fmt.Sprintf("HTTP %d", status), Class: class, Answer: func(_ time.Time, said string) exchangetest.Answer {
			return exchangetest.Answer{Status: status, Body: []byte("<html>" + said + "</html>")}
		}}
	}
	banned := status(exchange.Banned, http.StatusForbidden)
	banned.Wait = 10 * time.Minute // documented
	return []exchangetest.Refusal{
		code(exchange.Transient, 10016, "Server error"), status(exchange.Transient, http.StatusBadGateway), status(exchange.Transient, http.StatusTooManyRequests),
		code(exchange.Transient, 99999, "A code that nobody knows"),
		tooMany(), banned, maintenance(),
		code(exchange.ClockSkew, 10002, "req_timestamp[1],server_timestamp[2],recv_window[5000]"),
		code(exchange.Auth, 10003, "API key is invalid."), code(exchange.Auth, 33004, "expired"), status(exchange.Auth, http.StatusUnauthorized),
		code(exchange.Auth, 10004, "Error sign, origin_string[]"),
		code(exchange.Permission, 10005, "Permission denied"),
		code(exchange.Unsupported, 10028, "unified only"), code(exchange.Unsupported, 10009, "region"),
		code(exchange.BadRequest, codeParameter, "params error"),
		shapeless(`{}`), shapeless(`null`), shapeless(`[]`), shapeless(`{"list":null,"rows":null,"balance":null,"subMembers":null}`),
	}
}

func tooMany() exchangetest.Refusal {
	const wait = 30 * time.Second
	return exchangetest.Refusal{Name: "retCode 10006", Class: exchange.RateLimited, Wait: wait, Answer: func(now time.Time, said string) exchangetest.Answer {
		answer := enveloped(10006, "Too many visits "+said, `{}`, now)
		answer.Header = http.Header{
			limitSize: {"50"}, limitLeft: {"0"}, limitReset: {fmt.Sprint(now.Add(wait).UnixMilli())},
		}
		return answer
	}}
}

// maintenance has no code of its own: the exchange is in trouble, and says why
// elsewhere.
func maintenance() exchangetest.Refusal {
	const wait = time.Hour
	return exchangetest.Refusal{
		Name: "maintenance", Class: exchange.Maintenance, Wait: wait,
		Answer: func(now time.Time, said string) exchangetest.Answer {
			return enveloped(10016, "Server error "+said, `{}`, now)
		},
		Other: func(r *http.Request, now time.Time) exchangetest.Answer {
			if endpoint(r.URL.Path) != systemStatus {
				return exchangetest.Answer{}
			}
			return enveloped(0, "OK", fmt.Sprintf(`{"list":[{"id":"1","title":"upgrade","state":"ongoing","begin":"%d","end":"%d"}]}`,
				now.Add(-time.Minute).UnixMilli(), now.Add(wait).UnixMilli()), now)
		},
	}
}

// shapeless is a success without what was asked for.
func shapeless(result string) exchangetest.Refusal {
	return exchangetest.Refusal{Name: "a result of " + result, Class: exchange.Decode, Answer: func(now time.Time, said string) exchangetest.Answer {
		return enveloped(0, "OK "+said, result, now)
	}}
}
