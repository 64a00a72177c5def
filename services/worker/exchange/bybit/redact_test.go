package bybit

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

// clean fails if text holds the key, the secret or the signature.
func clean(t *testing.T, text string, signature string) {
	t.Helper()
	for _, secret := range []string{testKey, testSecret, signature} {
		if secret != "" {
			require.NotContains(t, text, secret)
		}
	}
}

// TestNothingSecretIsInAFault lets the exchange echo everything it was sent.
func TestNothingSecretIsInAFault(t *testing.T) {
	t.Parallel()
	statuses := []int{200, 200, 200, 200, 200, 400, 401, 403, 404, 429, 502}
	bodies := []string{
		`{"retCode":10004,"retMsg":"Error sign, origin_string[%[1]s%[2]s5000a=[b]&c=]","result":{}}`,
		`{"retCode":10003,"retMsg":"key %[2]s sign %[3]s secret %[4]s","result":{}}`,
		`{"retCode":0,"result":"%[2]s %[3]s %[4]s","time":1767225600000}`,
		`{"retCode":"%[2]s %[3]s %[4]s"}`,
		`{"retCode":0,"result":{"list":[{"totalMarginBalance":"%[2]s %[3]s %[4]s"}]},"time":1767225600000}`,
	}
	for i, status := range statuses {
		body := bodies[1]
		if i < len(bodies) {
			body = bodies[i]
		}
		stand := newStand(t)
		stand.on(walletBalance, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, body, r.Header.Get("X-BAPI-TIMESTAMP"), r.Header.Get("X-BAPI-API-KEY"), r.Header.Get(signatureHeader), testSecret)
		})
		got := stand.client(t).Balances(t.Context(), unified)
		asked := stand.asked(walletBalance)
		signature := asked[len(asked)-1].Header.Get(signatureHeader)
		require.NotEmpty(t, signature)
		require.NotNil(t, got.Err)
		clean(t, got.Err.Error(), signature)
		clean(t, string(got.Err.Payload), signature)
		clean(t, fmt.Sprintf("%+v %#v", got, got.Err), signature)
		require.NotEmpty(t, got.Err.Payload)
		require.Contains(t, string(got.Err.Payload), redacted)
	}
}

func TestSignedStringIsTakenOut(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"nothing of it": "nothing of it",
		"Error sign: origin_string[1767225600000FAKEKEY5000accountType=UNIFIED]": "Error sign: origin_string[[redacted]]",
		"origin_string[abc":        "origin_string[[redacted]",
		"origin_string[a]b]c] end": "origin_string[[redacted]] end",
	}
	for text, want := range cases {
		require.Equal(t, want, redactSignedText(text))
	}
	stand := newStand(t)
	stand.on(walletBalance, always(fixture(t, "errors/retcode_10004.json")))
	got := stand.client(t).Balances(t.Context(), unified)
	require.NotContains(t, got.Err.Error(), "FAKEKEY")
	require.NotContains(t, string(got.Err.Payload), "FAKEKEY")
}

func TestPayloadsAreCut(t *testing.T) {
	t.Parallel()
	s := newStand(t).client(t).session
	require.Nil(t, s.payload(nil, ""))
	long := s.payload([]byte(strings.Repeat("é", maxPayload)), "")
	require.LessOrEqual(t, len(long), maxPayload)
	require.Equal(t, strings.Repeat("é", maxPayload/2), string(long), "between characters")
	require.Equal(t, "a\uFFFDb", string(s.payload([]byte("a\xffb"), "")))
	hidden := s.payload([]byte(strings.Repeat("x", maxPayload-4)+testKey), "")
	require.NotContains(t, string(hidden), "test", "the cut does not leave half a key")
}

func TestClientsDoNotPrintTheirSecrets(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	client := stand.client(t)
	config := stand.config(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, value := range []any{client, *client, client.session, *client.session, config, &config, struct{ c *Client }{client}} {
			printed := fmt.Sprintf(verb, value)
			clean(t, printed, "")
			clean(t, strings.ToLower(printed), fmt.Sprintf("%x", testSecret))
		}
	}
	require.Equal(t, "bybit account on testnet ("+stand.URL+")", fmt.Sprint(client))
}

func TestLongMessagesAreCut(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always([]byte(`{"retCode":10001,"retMsg":"`+strings.Repeat("é", 5000)+`"}`)))
	got := stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.BadRequest, got.Err.Class)
	require.Less(t, len(got.Err.Message), 700)
}

func TestQuotedValuesAreCutAfterTheyWereRedacted(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	// The cut would fall into the middle of the key.
	row := `{"orderId":"1","qty":"` + strings.Repeat("x", maxQuote-5) + testKey + `"}`
	stand.on(orderHistory, always(list("", row)))
	got := stand.client(t).ClosedOrders(t.Context(), spot, aDay())
	require.Len(t, got.Faults, 1)
	require.Contains(t, got.Faults[0].Reason, "qty")
	require.NotContains(t, got.Faults[0].Reason, testKey[:4])
}
