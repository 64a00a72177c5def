package bybit

import (
	"net/http"
	"net/http/httptest"
	"testing"

	oracle "github.com/hirokisan/bybit/v2"
	"github.com/stretchr/testify/require"
)

// Another client's signature of a request equals ours of the same text. It
// sends no receive window, and then leaves it out of the text.
func TestSignatureEqualsThatOfAnotherClient(t *testing.T) {
	t.Parallel()
	const key, secret = "testkey0001", "testsecret-0001-abcdefghijklmnopqrst"
	seen := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Clone(r.Context())
		_, _ = w.Write([]byte(`{"retCode":0,"retMsg":"OK","result":{"list":[]}}`))
	}))
	defer server.Close()
	client := oracle.NewClient().WithBaseURL(server.URL).WithAuth(key, secret)
	_, err := client.V5().Account().GetWalletBalance(oracle.AccountTypeV5UNIFIED, []oracle.Coin{"USDT", "USDC"})
	require.NoError(t, err)
	request := <-seen
	text := request.Header.Get("X-BAPI-TIMESTAMP") + key + request.Header.Get("X-BAPI-RECV-WINDOW") + request.URL.RawQuery
	ours, err := hmacSigner([]byte(secret))(text)
	require.NoError(t, err)
	require.NotEmpty(t, request.URL.RawQuery)
	require.Equal(t, request.Header.Get(signatureHeader), ours)
}
